/** @file Turns the operating system's error codes into FILE errors that say what happened and what to do. */
import { RootstockError, messageOf } from '../errors.ts'

/** What a caller knows about the operation that failed. */
export interface FileErrorContext {
  /** The verb of the message: "Cannot write PATH: …". */
  readonly action: string
  /** How many bytes the file needs, when known. */
  readonly bytes?: number | undefined
}

interface Cause {
  readonly found: string
  readonly hint: string
}

const CAUSES: ReadonlyMap<string, Cause> = new Map([
  ['ENOSPC', { found: 'no space is left on the device', hint: 'Free some space or choose another folder' }],
  ['EDQUOT', { found: 'the disk quota is used up', hint: 'Free some space or choose another folder' }],
  ['EFBIG', { found: 'the file-size limit was reached', hint: 'Raise the limit (ulimit -f) or choose another file system' }],
  ['EACCES', { found: 'permission is denied', hint: 'Change the permissions of the file or its folder, or choose another folder' }],
  ['EPERM', { found: 'the operation is not permitted', hint: 'Change the owner or the permissions, or choose another folder' }],
  ['EROFS', { found: 'the file system is read-only', hint: 'Choose a folder on a file system that can be written' }],
  ['EIO', { found: 'the device reported an input/output error', hint: 'Check the disk; do not trust what was written to it since' }],
  ['ENOENT', { found: 'it does not exist', hint: 'Check the path' }],
  ['ENOTDIR', { found: 'a part of the path is not a folder', hint: 'Check the path' }],
  ['EEXIST', { found: 'a part of the path is a file, or a link to nothing', hint: 'Check the path' }],
  ['EISDIR', { found: 'it is a folder, expected a file', hint: 'Name a file in that folder' }],
  ['ENAMETOOLONG', { found: 'the name is too long', hint: 'Choose a shorter name' }],
  ['EMFILE', { found: 'too many files are open', hint: 'Raise the limit (ulimit -n)' }],
  ['ENXIO', { found: 'it is not a regular file', hint: 'Name a regular file' }],
])

/** A FILE error that names the file and the cause; a RootstockError passes through unchanged. */
export function fileError(error: unknown, path: string, context: FileErrorContext): RootstockError {
  if (error instanceof RootstockError) return error
  const cause = CAUSES.get(errnoOf(error))
  const message = `Cannot ${context.action} ${path}: ${fileReason(error)}`
  const needed = context.bytes === undefined ? '' : ` (${formatBytes(context.bytes)} are needed)`
  return new RootstockError('FILE', message, { hint: `${cause?.hint ?? 'Check the path and the disk'}${needed}`, cause: error })
}

/** What the system found, in words where it is known: "it does not exist (ENOENT)". */
export function fileReason(error: unknown): string {
  const code = errnoOf(error)
  const cause = CAUSES.get(code)
  return cause ? `${cause.found} (${code})` : messageOf(error)
}

/** The system's code of an error ("ENOSPC"), or an empty text. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** "18,432 bytes". */
export function formatBytes(count: number): string {
  return `${count.toLocaleString('en-US')} bytes`
}
