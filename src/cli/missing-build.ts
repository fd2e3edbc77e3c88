/** @file Packages with machine code that were installed on another system: a folder node_modules that was copied into a container, say. */
import { RootstockError, messageOf } from '../errors.ts'

/** What each package says when its machine code for this system is not there. */
const COMPLAINTS: readonly (readonly [name: string, complaint: RegExp])[] = [
  ['sharp', /Could not load the "sharp" module/],
  ['lmdb', /No native build was found/],
  ['onnxruntime-node', /Cannot find module '[^']*onnxruntime_binding\.node'/],
  ['@resvg/resvg-js', /Cannot find module '@resvg\/resvg-js-/],
]

/** The error that a user can act on where machine code is missing; any other error as it is. */
export function withMissingBuild(error: unknown): unknown {
  const name = COMPLAINTS.find(([, complaint]) => !(error instanceof RootstockError) && complaint.test(messageOf(error)))?.[0]
  if (name === undefined) return error
  const system = `${process.platform} ${process.arch}`
  return new RootstockError('ENGINE', `Cannot load ${name}: found no build of it for ${system}, expected the one that npm installs there`, {
    cause: error,
    hint: `Run npm ci on this system, without --omit=optional; a folder node_modules of another one does not do${name === 'onnxruntime-node' ? ', and there is no build for Intel Macs' : ''}`,
  })
}
