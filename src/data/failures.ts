/** @file What the file system says, in words for the one line of an error. */
import { RootstockError } from '../errors.ts'
import { fileError } from '../files/index.ts'
import { printableName } from './names.ts'

/** The code of a file system error ("ENOENT"), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** A file system error in words, or undefined where `error` is something else. */
export function systemReason(error: unknown): string | undefined {
  if (systemCode(error) === undefined) return undefined
  return fileError(error, '', { action: 'read' }).message.replace(/^Cannot read : /, '')
}

/** Runs `work`; a file system error becomes `Cannot ACTION "PATH": reason` with code DATA when reading, FILE when writing. */
export async function explained<T>(code: 'DATA' | 'FILE', action: string, path: string | Buffer, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    const { message, hint = '' } = fileError(error, `"${printableName(path)}"`, { action })
    throw new RootstockError(code, message, { hint, cause: error })
  }
}
