/** @file Asks for garbage to be collected: the collector lets 64 MB of numbers wait, and the C library keeps what they took from the system. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of numbers that may wait. */
const ENOUGH = 2 ** 23

type Collector = (options: { readonly type: 'minor' }) => void

let collector: Collector | undefined
let waiting = 0

/** More than any process can have. */
const TOO_MUCH = 2 ** 47

/**
 * Frees what nobody holds any more, at once, and the room that young objects had: V8 does so before it says that there is no memory for a buffer.
 * Takes some tens of milliseconds.
 */
export function collectGarbage(): void {
  waiting = 0
  try {
    new ArrayBuffer(TOO_MUCH)
  } catch {
    // As expected.
  }
}

/** From so many bytes on memory counts. */
export const LARGE = 2 ** 25

/** Begins what takes memory for a moment, beside numbers of so many bytes: where those are large, garbage is collected before it and behind it. */
export async function inRoom<T>(bytes: number, begin: () => Promise<T>): Promise<T> {
  if (bytes < LARGE) return begin()
  collectGarbage()
  const result = await begin()
  collectGarbage()
  return result
}

/** Says that so many bytes of numbers were made that will not be held for long; after a few of them they are freed, in a millisecond. */
export function passing(bytes: number): void {
  waiting += bytes
  if (waiting < ENOUGH) return
  waiting = 0
  collector ??= makeCollector()
  collector({ type: 'minor' })
}

function makeCollector(): Collector {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as Collector
  setFlagsFromString('--no-expose-gc')
  return found
}
