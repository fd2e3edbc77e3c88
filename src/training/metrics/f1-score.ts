/** @file The harmonic mean of precision and recall, over the classes. */
import { z } from 'zod'
import { RootstockError, refuseUnknown } from '../../errors.ts'
import { showShape } from '../../tensor/index.ts'
import { checksFor } from '../arguments.ts'
import { readState, storedFigure, storeFigure } from '../callbacks/stored-state.ts'
import { argmax, readBatch } from './metric.ts'
import type { Batch, Metric, MetricOptions } from './metric.ts'

export interface F1ScoreOptions extends MetricOptions {
  /** `macro`: mean over the classes (default); `micro`: over all entries; `weighted`: mean by the number of true samples. */
  readonly average?: 'macro' | 'micro' | 'weighted'
  /** Predictions above it count as positive; above 0, at most 1. By default the largest prediction of a row is the positive one. */
  readonly threshold?: number | null
}

const stored = z.array(storedFigure).transform((values) => Float64Array.from(values))
const STORED = z.object({ truePositives: stored, falsePositives: stored, falseNegatives: stored }).nullable()

// Keras adds it to every denominator.
const EPSILON = 1e-7

/** Weighted counts by class, or a single one of all classes together. */
interface Counts {
  readonly truePositives: Float64Array
  readonly falsePositives: Float64Array
  readonly falseNegatives: Float64Array
}

/** F1 over [samples, classes]. Keras's default gives one figure per class, which a log cannot hold; here the default is their mean. */
export function f1Score(options: F1ScoreOptions = {}): Metric {
  refuseUnknown('f1Score', options, { name: true, average: true, threshold: true })
  const { name = 'f1_score', average = 'macro', threshold = null } = options
  const checks = checksFor('f1Score')
  checks.oneOf('average', average, ['macro', 'micro', 'weighted'])
  if (threshold !== null) checks.require(threshold > 0 && threshold <= 1, 'threshold', threshold, 'a number above 0 and at most 1')
  let counts: Counts | undefined
  return {
    name,
    direction: 'max',
    keras: { className: 'F1Score', config: { average, threshold } },
    update(yTrue, yPred, sampleWeight) {
      const batch = readBatch(name, 'same', { yTrue, yPred, sampleWeight })
      if (yPred.shape.length !== 2) throw notTwoAxes(name, yPred.shape)
      const groups = average === 'micro' ? 1 : batch.classes
      counts ??= zeroCounts(groups)
      const before = counts.truePositives.length
      if (before !== groups) throw otherClasses(name, before, groups)
      addBatch(counts, batch, threshold)
    },
    result: () => (counts === undefined ? 0 : combine(counts, average)),
    reset() {
      counts = undefined
    },
    state: () => (counts ? stateOf(counts) : null),
    restore: (state) => void (counts = readState(name, STORED, state) ?? undefined),
  }
}

function zeroCounts(groups: number): Counts {
  const zeros = (): Float64Array => new Float64Array(groups)
  return { truePositives: zeros(), falsePositives: zeros(), falseNegatives: zeros() }
}

function stateOf(counts: Counts): object {
  return Object.fromEntries(Object.entries(counts).map(([kind, values]) => [kind, Array.from(values as Float64Array, storeFigure)]))
}

function addBatch(counts: Counts, batch: Batch, threshold: number | null): void {
  const { labels, predictions, classes, samples } = batch
  const groups = counts.truePositives.length
  for (let row = 0; row < samples; row++) {
    const from = row * classes
    const largest = predictions[from + argmax(predictions, from, classes)]!
    for (let i = 0; i < classes; i++) {
      const prediction = predictions[from + i]!
      // A row of zeros has no positive.
      const called = threshold === null ? prediction >= largest && Math.abs(prediction) > 1e-9 : prediction > Math.fround(threshold)
      const weight = batch.weight(row)
      const label = labels[from + i]!
      const group = groups === 1 ? 0 : i
      if (called) counts.truePositives[group]! += weight * label
      if (called) counts.falsePositives[group]! += weight * (1 - label)
      if (!called) counts.falseNegatives[group]! += weight * label
    }
  }
}

function combine(counts: Counts, average: 'macro' | 'micro' | 'weighted'): number {
  const { truePositives, falseNegatives } = counts
  const scores = truePositives.map((_, i) => score(counts, i))
  if (average !== 'weighted') return sum(scores) / scores.length
  const support = truePositives.map((count, i) => count + falseNegatives[i]!)
  return sum(scores.map((value, i) => value * support[i]!)) / (sum(support) + EPSILON)
}

function score({ truePositives, falsePositives, falseNegatives }: Counts, i: number): number {
  const precision = truePositives[i]! / (truePositives[i]! + falsePositives[i]! + EPSILON)
  const recall = truePositives[i]! / (truePositives[i]! + falseNegatives[i]! + EPSILON)
  return (2 * precision * recall) / (precision + recall + EPSILON)
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}

function notTwoAxes(name: string, shape: readonly number[]): RootstockError {
  return new RootstockError('SHAPE', `Cannot compute ${name}: predictions have shape ${showShape(shape)}, expected [samples, classes]`)
}

function otherClasses(name: string, before: number, now: number): RootstockError {
  return new RootstockError(
    'SHAPE',
    `Cannot compute ${name}: predictions have ${String(now)} classes, expected ${String(before)} as in the batches before`,
  )
}
