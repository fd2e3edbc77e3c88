/** @file Keras's validation split: the last fraction of the samples, taken before anything is shuffled. */
import { RootstockError } from '../errors.ts'
import { rows } from '../tensor/index.ts'
import type { FitData, Pair } from './run-data.ts'

export function splitPair(data: FitData | Pair, fraction: number): { training: Pair; held: Pair } {
  if (!('x' in data)) {
    throw new RootstockError('USAGE', 'Cannot take a validationSplit: found a dataset, expected tensors', {
      hint: 'Give validationData, or let trainClassifier split the folder',
    })
  }
  if (!(fraction > 0 && fraction < 1))
    throw new RootstockError('USAGE', `Invalid validationSplit: found ${fraction}, expected a number between 0 and 1`)
  const count = data.x.shape[0] ?? 0
  // Keras: int(n · (1 − fraction)), in double precision.
  const kept = Math.floor(count * (1 - fraction))
  if (kept === 0 || kept === count)
    throw new RootstockError('USAGE', `Invalid validationSplit: ${fraction} of ${count} samples leaves one side empty`)
  const weights = data.sampleWeight && Array.from(data.sampleWeight)
  const part = (from: number, to: number): Pair => ({
    x: rows(data.x, from, to),
    y: rows(data.y, from, to),
    ...(weights ? { sampleWeight: weights.slice(from, to) } : {}),
  })
  return { training: part(0, kept), held: part(kept, count) }
}
