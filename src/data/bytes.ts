/** @file Reads picture files as bytes, hashes them, and runs such work on several files at once. */
import { createHash } from 'node:crypto'
import { RootstockError } from '../errors.ts'
import { pictureBytes } from '../image/index.ts'
import { systemReason } from './failures.ts'
import { printableName } from './names.ts'

/**
 * How many files are read or decoded at once unless told otherwise. Each takes half a dozen steps, and between two of them it waits for the
 * system or for the engine, whatever the number of cores. The decoder bounds the memory.
 */
export const DEFAULT_CONCURRENCY = 8

/** The bytes of a regular file of at most 256 MiB; code IMAGE with the reason otherwise. `shown` is its name in messages. */
export async function readPictureFile(path: Buffer, shown: string = printableName(path)): Promise<Buffer> {
  try {
    return await pictureBytes(path, (reason) => unreadable(shown, reason))
  } catch (error) {
    const reason = systemReason(error)
    if (reason === undefined) throw error
    throw unreadable(shown, reason, error)
  }
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
