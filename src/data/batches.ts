/** @file Batches: which samples, in which order, read side by side, and their labels as tensors. */
import { RootstockError } from '../errors.ts'
import { random, stack } from '../tensor/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { DEFAULT_CONCURRENCY, throwIfCanceled } from './bytes.ts'
import { allIndices } from './dataset.ts'
import type { Dataset, LabelMode, ReadOptions, Sample } from './dataset.ts'
import { tryRead } from './quarantine.ts'
import type { ReadResult } from './quarantine.ts'

/** How samples are dealt into batches. */
export interface BatchOptions {
  /** Samples per batch, at least 1. */
  readonly batchSize: number
  /** Default true. */
  readonly shuffle?: boolean
  /** With `epoch` it decides the order; default 0. */
  readonly seed?: number
  /** Counted from 0; every epoch has its own order. */
  readonly epoch?: number
  /** Whether a last batch that is not full is left out; default false. */
  readonly dropLast?: boolean
}

/** Indices of the samples of every batch. Equal seed and epoch give an equal order on every machine. */
export function batchIndices(size: number, { batchSize, shuffle = true, seed = 0, epoch = 0, dropLast = false }: BatchOptions): number[][] {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RootstockError('USAGE', `Cannot make batches: the batch size is ${batchSize}, expected a whole number from 1`)
  }
  const order = allIndices(size)
  if (shuffle) random(`batches/${seed}/${epoch}`).shuffle(order)
  const batches: number[][] = []
  for (let from = 0; from < size; from += batchSize) batches.push(order.slice(from, from + batchSize))
  if (dropLast && size % batchSize > 0) batches.pop()
  return batches
}

/** Pictures of one size as one tensor [n, height, width, channels]. */
export function stackBatch(pictures: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  return stack(pictures)
}

/** One row per label with a 1 at the label's place (Keras's to_categorical); `classes` defaults to the largest label + 1. */
export function oneHot(labels: ArrayLike<number>, classes?: number): Tensor<'float32'> {
  const list = Array.from(labels)
  const width = classes ?? list.reduce((most, label) => Math.max(most, label + 1), 0)
  const data = new Float32Array(list.length * width)
  list.forEach((label, row) => {
    if (!Number.isInteger(label) || label < 0 || label >= width) {
      throw new RootstockError('DATA', `Cannot make one-hot rows: label ${label} at ${row}, expected a whole number from 0 to ${width - 1}`)
    }
    data[row * width + label] = 1
  })
  return { data, shape: [list.length, width], dtype: 'float32' }
}

/** The labels of some samples in the form that the loss wants: [n, classes], int32 [n], or [n, 1] of 0 and 1. */
export function labelBatch(
  dataset: Pick<Dataset, 'labels' | 'classNames'>,
  indices: readonly number[],
  mode: LabelMode,
): Tensor<'float32'> | Tensor<'int32'> {
  const labels = Int32Array.from(indices, (index) => dataset.labels[index] ?? -1)
  if (mode === 'categorical') return oneHot(labels, dataset.classNames.length)
  if (mode === 'int') return { data: labels, shape: [labels.length], dtype: 'int32' }
  return { data: Float32Array.from(labels), shape: [labels.length, 1], dtype: 'float32' }
}

/** Weights by class index that give every class the same total: samples / (classes · count). Code DATA where a class has no sample. */
export function balancedClassWeights(labels: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0)
  for (const label of Array.from(labels)) counts[label] = (counts[label] ?? 0) + 1
  const empty = counts.indexOf(0)
  if (empty >= 0) throw new RootstockError('DATA', `Cannot balance the classes: class ${empty} has no sample`)
  return counts.map((count) => labels.length / (classes * count))
}

/** What a sample gave: its picture, or why there is none. */
export interface ReadSample extends Sample {
  /** The picture as a tensor, or why there is none. */
  readonly result: ReadResult
}

/** How many pictures are read at once, and who hears of each. */
export interface ReadAllOptions {
  /** Pictures read at once; default 8. Of large ones, fewer are decoded at the same time. */
  readonly concurrency?: number
  /** Called in order, before the sample is handed on. */
  readonly onSample?: (sample: ReadSample) => void
  /** Ends the reading with code CANCELED. */
  readonly signal?: AbortSignal
  /** Where the numbers of the n-th picture read, from 0, may be put: `into` of `ReadOptions`. */
  readonly into?: (nth: number) => Float32Array
}

/** Reads samples side by side and yields them in the order of `indices`; unusable ones come as `{ ok: false, reason }`. */
export async function* readAll(
  dataset: Dataset,
  indices: Iterable<number>,
  how: ReadOptions,
  { concurrency = DEFAULT_CONCURRENCY, onSample, signal, into }: ReadAllOptions = {},
): AsyncGenerator<ReadSample, void, undefined> {
  const waiting: Promise<ReadSample>[] = []
  let begun = 0
  const start = (index: number): void => {
    const nth = begun++
    const reading = tryRead(dataset, index, into ? { ...how, into: into(nth) } : how).then((result) => ({
      index,
      id: dataset.describe(index),
      result,
    }))
    // The error is thrown where the sample is awaited; a consumer that stops early must not leave it unhandled.
    reading.catch(() => undefined)
    waiting.push(reading)
  }
  const source = indices[Symbol.iterator]()
  const fill = (): void => {
    while (waiting.length < concurrency) {
      const next = source.next()
      if (next.done) return
      start(next.value)
    }
  }
  for (fill(); waiting.length > 0; fill()) {
    throwIfCanceled(signal)
    const sample = await waiting.shift()
    if (!sample) return
    onSample?.(sample)
    yield sample
  }
}
