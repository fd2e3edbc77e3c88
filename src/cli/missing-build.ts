/** @file Packages with machine code that were installed on another system: a folder node_modules that was copied into a container, say. */
import { RootstockError } from '../errors.ts'

/** What each package says when its machine code for this system is not there. */
const COMPLAINTS: readonly (readonly [name: string, complaint: RegExp])[] = [
  ['sharp', /Could not load the "sharp" module/],
  ['lmdb', /No native build was found/],
  ['onnxruntime-node', /Cannot find module '[^']*onnxruntime_binding\.node'/],
  ['@resvg/resvg-js', /Cannot find module '@resvg\/resvg-js-/],
]

/** The error that a user can act on where machine code is missing or of another system; any other error as it is. */
export function withMissingBuild(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RootstockError) return error
  const missing = COMPLAINTS.find(([, complaint]) => complaint.test(error.message))?.[0]
  if (missing !== undefined) {
    const system = `${process.platform} ${process.arch}`
    return failed(`Cannot load ${missing}: found no build of it for ${system}, expected the one that npm installs there`, error)
  }
  if (!('code' in error) || error.code !== 'ERR_DLOPEN_FAILED') return error
  const name = /node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)/.exec(error.message)?.[1] ?? 'a library'
  return failed(`Cannot load ${name}: ${error.message}`, error)
}

function failed(message: string, cause: Error): RootstockError {
  const hint = 'Run npm ci on this system, without --omit=optional; a folder node_modules of another one does not do'
  return new RootstockError('ENGINE', message, {
    cause,
    hint: `${hint}. ONNX Runtime has no build for Intel Macs and needs glibc, which Alpine lacks`,
  })
}
