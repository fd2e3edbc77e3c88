/** @file Which weights are worth a place of their own: in memory, so that it can be given back, or on disk. */
import { sizeOf } from '../tensor/index.ts'
import type { Variable } from './variable.ts'

/** Together, in bytes. The C library asks the system for pieces of this size, and gives them back. */
const TOGETHER = 2 ** 25
/** Alone, in bytes. */
const ALONE = 2 ** 14

/** Those that are not small; none where they are small together. */
export function bulkOf(weights: readonly Variable[]): readonly Variable[] {
  const bulk = weights.filter((weight) => bytesOf(weight) >= ALONE)
  return bulk.reduce((sum, weight) => sum + bytesOf(weight), 0) < TOGETHER ? [] : bulk
}

/** Memory for weights whose numbers are about to come: one piece for all that have no piece to themselves for their size. Those on disk may stay there. */
export function roomFor(weights: readonly Variable[]): ReadonlyMap<Variable, Float32Array> {
  const shared = bulkOf(weights.filter((weight) => !weight.isResting && bytesOf(weight) < TOGETHER))
  const piece = new Float32Array(shared.reduce((sum, { shape }) => sum + sizeOf(shape), 0))
  let from = 0
  return new Map(shared.map((weight) => [weight, piece.subarray(from, (from += sizeOf(weight.shape)))]))
}

const bytesOf = ({ shape }: Variable): number => 4 * sizeOf(shape)
