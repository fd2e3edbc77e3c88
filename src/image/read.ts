/** @file Reads the bytes of a picture from an ordinary file, and names files safely in messages. */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { RootstockError } from '../errors.ts'
import { fileError } from '../files/index.ts'

/** Larger files are refused before they are read. */
const MAX_BYTES = 256 * 2 ** 20

/** The bytes of the picture at a path. Throws IMAGE. */
export async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return await pictureBytes(path, (reason) => unreadable(path, reason))
  } catch (error) {
    if (error instanceof RootstockError) throw error
    const { message, hint } = fileError(error, printable(path), { action: 'read' })
    throw new RootstockError('IMAGE', message, hint === undefined ? { cause: error } : { hint, cause: error })
  }
}

/**
 * The bytes of an ordinary file of at most 256 MiB; folders, pipes, sockets and devices are refused without waiting on them. Throws what `refuse`
 * makes of the reason, and errors of the system as they are.
 */
export async function pictureBytes(path: string | Buffer, refuse: (reason: string) => Error): Promise<Buffer> {
  // O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever. Windows has no such flag.
  await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  const found = await file.stat()
  if (found.isDirectory()) throw refuse('it is a folder, expected a picture file')
  if (!found.isFile()) throw refuse('it is not an ordinary file')
  if (found.size > MAX_BYTES) throw refuse(`it has ${found.size} bytes, expected at most ${MAX_BYTES}`)
  return contentOf(file, found.size)
}

/** What readFile gives, with one step of the system instead of three. */
async function contentOf(file: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size)
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(bytes, at, size - at, at)
    // The file became shorter in the meantime.
    if (bytesRead === 0) return bytes.subarray(0, at)
    at += bytesRead
  }
  return bytes
}

/** An IMAGE error of one line that names the picture. */
export function unreadable(name: string, reason: string, cause?: unknown): RootstockError {
  return new RootstockError('IMAGE', `Cannot read ${printable(name)}: ${oneLine(reason)}`, {
    hint: 'Pictures may be JPEG, PNG, WebP, GIF, TIFF or BMP files of at most 50 million pixels',
    cause,
  })
}

/** Control characters and marks that reverse the direction of text, shown as escapes. */
function printable(name: string): string {
  return name.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function oneLine(reason: string): string {
  return printable((reason.trim().split('\n')[0] ?? '').slice(0, 200))
}
