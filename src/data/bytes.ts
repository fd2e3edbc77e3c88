/** @file Reads picture files as bytes, hashes them, and runs such work on several files at once. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { RootstockError } from '../errors.ts'
import { systemReason } from './failures.ts'
import { printableName } from './names.ts'

const LARGEST_FILE = 256 * 1024 * 1024

/**
 * How many files are read or decoded at once unless told otherwise. Each takes half a dozen steps, and between two of them it waits for the
 * system or for the engine, whatever the number of cores. The decoder bounds the memory.
 */
export const DEFAULT_CONCURRENCY = 8

/** The bytes of a regular file of at most 256 MiB; code IMAGE with the reason otherwise. `shown` is its name in messages. */
export async function readPictureFile(path: Buffer, shown: string = printableName(path)): Promise<Buffer> {
  try {
    // Without O_NONBLOCK a named pipe that took the file's place would hang the open.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const { size } = regularFile(await file.stat(), shown)
      if (size > LARGEST_FILE) throw unreadable(shown, `${size} bytes, at most ${LARGEST_FILE} are read`)
      return await contentOf(file, size)
    } finally {
      await file.close()
    }
  } catch (error) {
    const reason = systemReason(error)
    if (reason === undefined) throw error
    throw unreadable(shown, reason, error)
  }
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

/** An IMAGE error about one file. */
export function unreadable(shown: string, reason: string, cause?: unknown): RootstockError {
  return new RootstockError('IMAGE', `Cannot read "${shown}": ${reason}`, cause === undefined ? {} : { cause })
}

/** SHA-256 in lower-case hexadecimal. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Runs `work` for 0 … count − 1, at most `concurrency` at once; an error or an abort stops it, once the work under way has ended. */
export async function forEachBounded(
  count: number,
  work: (index: number) => Promise<void>,
  { concurrency = DEFAULT_CONCURRENCY, signal }: { concurrency?: number; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      throwIfCanceled(signal)
      await work(next++)
    }
  }
  const stopped = (): void => void (next = count)
  const lanes = Array.from({ length: Math.min(concurrency, count) }, () => lane().finally(stopped))
  // Every lane has to end before the caller may clean up what they work on.
  await Promise.allSettled(lanes)
  await Promise.all(lanes)
}

/** Throws CANCELED once the signal was given. */
export function throwIfCanceled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RootstockError('CANCELED', 'Canceled while reading the photos', { cause: signal.reason })
}

function regularFile<T extends { isFile(): boolean }>(stats: T, shown: string): T {
  if (!stats.isFile()) throw unreadable(shown, 'not a regular file')
  return stats
}
