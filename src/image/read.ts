/** @file Reads the bytes of a picture from an ordinary file, and names files safely in messages. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { RootstockError } from '../errors.ts'
import { fileError } from '../files/index.ts'

/** Larger files are refused before they are read. */
const MAX_BYTES = 256 * 2 ** 20

/** The bytes of an ordinary file of at most 256 MiB; folders, pipes, sockets and devices are refused without waiting on them. */
export async function readPicture(path: string): Promise<Uint8Array> {
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever. Windows has no such flag.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await file.stat()
    if (found.isDirectory()) throw unreadable(path, 'it is a folder, expected a picture file')
    if (!found.isFile()) throw unreadable(path, 'it is not an ordinary file')
    if (found.size > MAX_BYTES) throw unreadable(path, `it has ${found.size} bytes, expected at most ${MAX_BYTES}`)
    return await file.readFile()
  } catch (error) {
    if (error instanceof RootstockError) throw error
    const { message, hint } = fileError(error, printable(path), { action: 'read' })
    throw new RootstockError('IMAGE', message, hint === undefined ? { cause: error } : { hint, cause: error })
  }
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
