/** @file Numbers of weights piece by piece: those that wait on disk need not come into memory as a whole. */
import type { PartReader } from './graph.ts'

/** As many numbers are read at once: 256 KiB stay in the cache of a processor. */
export const PART = 2 ** 16

/** Of numbers that lie in memory. */
export function partsIn(numbers: Float32Array): PartReader {
  return (from, room) => numbers.subarray(from, from + room.length)
}

/** Shows `use` all `size` numbers in order; it must not keep them. */
export function eachPart(read: PartReader, size: number, use: (numbers: Float32Array) => void): void {
  const room = new Float32Array(Math.min(size, PART))
  for (let from = 0; from < size; from += room.length) use(read(from, room.subarray(0, size - from)))
}
