/** @file Precision and recall over all entries, over the top k of each row, or for one class. */
import { z } from 'zod'
import { RootstockError, refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import { readState, storedFigure, storeFigure } from '../callbacks/stored-state.ts'
import { ratio, readBatch } from './metric.ts'
import type { Batch, Metric, MetricOptions } from './metric.ts'

export interface PrecisionRecallOptions extends MetricOptions {
  /** Predictions above it count as positive; 0 to 1; default 0.5, or none when `topK` is given. */
  readonly thresholds?: number
  /** Only the `topK` largest predictions of a row can be positive. */
  readonly topK?: number
  /** Count this class only, from 0. */
  readonly classId?: number
}

/** Right positives among all that were called positive; labels are one-hot or 0 and 1. */
export function precision(options: PrecisionRecallOptions = {}): Metric {
  return counted('precision', options, ({ truePositives, falsePositives }) => ratio(truePositives, truePositives + falsePositives))
}

/** Right positives among all that are positive; labels are one-hot or 0 and 1. */
export function recall(options: PrecisionRecallOptions = {}): Metric {
  return counted('recall', options, ({ truePositives, falseNegatives }) => ratio(truePositives, truePositives + falseNegatives))
}

interface Counts {
  truePositives: number
  falsePositives: number
  falseNegatives: number
}

const STORED = z.object({ truePositives: storedFigure, falsePositives: storedFigure, falseNegatives: storedFigure })

function counted(kind: 'precision' | 'recall', options: PrecisionRecallOptions, result: (counts: Counts) => number): Metric {
  refuseUnknown(kind, options, { name: true, thresholds: true, topK: true, classId: true })
  const { name = kind, topK, classId } = options
  const { thresholds = topK === undefined ? 0.5 : -Infinity } = options
  const checks = checksFor(kind)
  if (options.thresholds !== undefined) checks.require(thresholds >= 0 && thresholds <= 1, 'thresholds', thresholds, 'a number from 0 to 1')
  if (topK !== undefined) checks.whole('topK', topK, 1)
  if (classId !== undefined) checks.whole('classId', classId, 0)
  const limit = Math.fround(thresholds)
  const counts: Counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0 }
  return {
    name,
    direction: 'max',
    keras: {
      className: kind === 'precision' ? 'Precision' : 'Recall',
      config: { thresholds: options.thresholds ?? null, topK: topK ?? null, classId: classId ?? null },
    },
    update(yTrue, yPred, sampleWeight) {
      const batch = readBatch(name, 'same', { yTrue, yPred, sampleWeight })
      checkClasses(name, batch.classes, { topK, classId })
      const rowsPerSample = ratio(batch.rows, batch.samples)
      for (let row = 0; row < batch.rows; row++) {
        countRow(counts, batch, { row, limit, topK, classId, weight: batch.weight(Math.floor(row / rowsPerSample)) })
      }
    },
    result: () => result(counts),
    reset: () => void Object.assign(counts, { truePositives: 0, falsePositives: 0, falseNegatives: 0 }),
    state: () => Object.fromEntries(Object.entries(counts).map(([kind, count]) => [kind, storeFigure(count as number)])),
    restore: (state) => void Object.assign(counts, readState(name, STORED, state)),
  }
}

interface RowRule {
  readonly row: number
  readonly limit: number
  readonly weight: number
  readonly topK: number | undefined
  readonly classId: number | undefined
}

function countRow(counts: Counts, batch: Batch, { row, limit, weight, topK, classId }: RowRule): void {
  const { labels, predictions, classes } = batch
  const largest = topK === undefined ? undefined : largestOf(predictions, row * classes, { classes, topK })
  for (let i = classId ?? 0; i < (classId === undefined ? classes : classId + 1); i++) {
    const at = row * classes + i
    const called = predictions[at]! > limit && (largest === undefined || largest.has(i))
    const positive = labels[at] !== 0
    if (called && positive) counts.truePositives += weight
    else if (called) counts.falsePositives += weight
    else if (positive) counts.falseNegatives += weight
  }
}

/** The first of equals goes first, as in TensorFlow's top_k. */
function largestOf(values: ArrayLike<number>, from: number, { classes, topK }: { classes: number; topK: number }): Set<number> {
  const order = Array.from({ length: classes }, (_, i) => i)
  return new Set(order.sort((a, b) => values[from + b]! - values[from + a]! || a - b).slice(0, topK))
}

function checkClasses(
  name: string,
  classes: number,
  { topK = 1, classId = 0 }: { topK: number | undefined; classId: number | undefined },
): void {
  if (topK <= classes && classId < classes) return
  const asked = topK > classes ? `topK ${String(topK)}` : `classId ${String(classId)}`
  throw new RootstockError('SHAPE', `Cannot compute ${name}: ${asked} was asked for, but predictions have ${String(classes)} classes`)
}
