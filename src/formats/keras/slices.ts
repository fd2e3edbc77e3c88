/** @file Cuts an array into blocks that lie together in C order. */

/** A block of an array: where it starts and how far it goes along each axis, and where it lies in C order. */
export interface Slice {
  readonly offset: bigint[]
  readonly count: bigint[]
  readonly at: number
  readonly length: number
}

/** Blocks of at most `most` elements, in order. */
export function* slices(shape: readonly number[], most: number): Generator<Slice> {
  // The first axis whose single steps fit; the axes before it are walked one index at a time.
  let axis = 0
  const inner = (from: number): number => shape.slice(from).reduce((product, size) => product * size, 1)
  while (axis < shape.length - 1 && inner(axis + 1) > most) axis++
  const step = inner(axis + 1)
  const rows = Math.max(1, Math.floor(most / step))
  const total = inner(0)
  const depth = shape[axis] ?? 1
  for (let at = 0; at < total;) {
    const row = Math.floor(at / step) % depth
    const count = Math.min(rows, depth - row)
    const offset = shape.map((size, i) => (i < axis ? Math.floor(at / inner(i + 1)) % size : i === axis ? row : 0))
    const counts = shape.map((size, i) => (i < axis ? 1 : i === axis ? count : size))
    yield { offset: offset.map(BigInt), count: counts.map(BigInt), at, length: count * step }
    at += count * step
  }
}
