/** @file Opens ordinary files that others name: a pipe could wait for ever, and a device could give bytes without end. */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { RootstockError, type ErrorCode } from '../errors.ts'
import { fileError, formatBytes } from './file-error.ts'

/** What a reader knows of the file that it is given. */
export interface RegularFileOptions {
  /** The verb of messages: "Cannot read PATH: …". Default 'read'. */
  readonly action?: string
  /** What a folder was given instead of: "a file", "an HDF5 file". Default 'a file'. */
  readonly expected?: string
}

/** How much of a file is read into memory. */
export interface ReadRegularOptions extends RegularFileOptions {
  /** A file with more bytes is refused before it is read. */
  readonly most: number
  /** The code of that refusal. Default FORMAT. */
  readonly code?: ErrorCode
}

/** Without O_NONBLOCK, opening a pipe would wait for its writer; Windows has no such flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** Opens a regular file to be read. Throws FILE, at once also for folders, pipes, sockets and devices. */
export async function openRegular(path: string, options: RegularFileOptions = {}): Promise<FileHandle> {
  try {
    const file = await open(path, FLAGS)
    try {
      checkKind(await file.stat(), path, options)
    } catch (error) {
      await file.close()
      throw error
    }
    return file
  } catch (error) {
    throw fileError(error, path, { action: options.action ?? 'read' })
  }
}

/** As `openRegular`, as a descriptor that the caller closes. */
export function openRegularSync(path: string, options: RegularFileOptions = {}): number {
  try {
    const file = openSync(path, FLAGS)
    try {
      checkKind(fstatSync(file), path, options)
    } catch (error) {
      closeSync(file)
      throw error
    }
    return file
  } catch (error) {
    throw fileError(error, path, { action: options.action ?? 'read' })
  }
}

/** The bytes of a regular file. Throws FILE, and `code` where it has more than `most` bytes. */
export async function readRegular(path: string, { most, code = 'FORMAT', ...options }: ReadRegularOptions): Promise<Buffer> {
  const { action = 'read' } = options
  await using file = await openRegular(path, options)
  checkSize((await file.stat()).size, path, { most, code, action })
  return file.readFile().catch((error: unknown) => {
    throw fileError(error, path, { action })
  })
}

/** Throws `code` where a file has more than `most` bytes. */
export function checkSize(size: number, path: string, { most, code = 'FORMAT', action = 'read' }: ReadRegularOptions): void {
  if (size <= most) return
  throw new RootstockError(code, `Cannot ${action} ${path}: it has ${formatBytes(size)}, expected at most ${formatBytes(most)}`, {
    hint: 'Check that this is the file you mean',
  })
}

function checkKind(found: Stats, path: string, { action = 'read', expected = 'a file' }: RegularFileOptions): void {
  if (found.isFile()) return
  const kind = found.isDirectory() ? 'it is a folder' : 'it is not a regular file'
  throw new RootstockError('FILE', `Cannot ${action} ${path}: ${kind}, expected ${expected}`, {
    hint: found.isDirectory() ? 'Name a file in that folder' : 'Name a regular file; what a pipe gives can be written into one first',
  })
}
