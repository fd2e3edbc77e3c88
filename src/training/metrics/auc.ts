/** @file The area under the ROC or the precision-recall curve, from counts at evenly spaced thresholds. */
import { z } from 'zod'
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import { readState, storedFigure, storeFigure } from '../callbacks/stored-state.ts'
import { ratio, readBatch } from './metric.ts'
import type { Batch, Metric, MetricOptions } from './metric.ts'

export interface AucOptions extends MetricOptions {
  /** Points of the curve; at least 2; default 200. */
  readonly numThresholds?: number
  /** Default `ROC`. */
  readonly curve?: 'ROC' | 'PR'
  /** How the area between two points is taken; default `interpolation` (for PR that of Davis and Goadrich 2006). */
  readonly summationMethod?: 'interpolation' | 'minoring' | 'majoring'
}

/** Weighted counts at each threshold, from the lowest to the highest. */
interface Curve {
  readonly truePositives: Float64Array
  readonly falsePositives: Float64Array
  readonly positives: number
  readonly negatives: number
}

/** The area under the curve, all classes taken together; labels are one-hot or 0 and 1, predictions are in [0, 1]. Keras's AUC. */
export function auc(options: AucOptions = {}): Metric {
  refuseUnknown('auc', options, { name: true, numThresholds: true, curve: true, summationMethod: true })
  const { name = 'auc', numThresholds = 200, curve = 'ROC', summationMethod = 'interpolation' } = options
  const checks = checksFor('auc')
  checks.whole('numThresholds', numThresholds, 2)
  checks.oneOf('curve', curve, ['ROC', 'PR'])
  checks.oneOf('summationMethod', summationMethod, ['interpolation', 'minoring', 'majoring'])
  const positives = new Float64Array(numThresholds)
  const negatives = new Float64Array(numThresholds)
  return {
    name,
    direction: 'max',
    keras: { className: 'AUC', config: { numThresholds, curve, summationMethod } },
    update(yTrue, yPred, sampleWeight) {
      fillBuckets(readBatch(name, 'same', { yTrue, yPred, sampleWeight }), positives, negatives)
    },
    result() {
      const counts = curveOf(positives, negatives)
      if (curve === 'PR' && summationMethod === 'interpolation') return interpolatedPrecisionRecall(counts)
      return area(counts, curve, summationMethod)
    },
    reset() {
      positives.fill(0)
      negatives.fill(0)
    },
    state: () => ({ positives: Array.from(positives, storeFigure), negatives: Array.from(negatives, storeFigure) }),
    restore(state) {
      const counts = z.array(storedFigure).length(numThresholds)
      const stored = readState(name, z.object({ positives: counts, negatives: counts }), state)
      positives.set(stored.positives)
      negatives.set(stored.negatives)
    },
  }
}

/** Bucket i holds the predictions above threshold i / (n − 1) and up to the next; the lowest also holds 0. In float32, as Keras. */
function fillBuckets({ labels, predictions, samples, weight }: Batch, positives: Float64Array, negatives: Float64Array): void {
  const last = positives.length - 1
  const perSample = ratio(predictions.length, samples)
  for (let i = 0; i < predictions.length; i++) {
    const clipped = Math.min(1, Math.max(0, predictions[i]!))
    const bucket = Math.max(0, Math.ceil(Math.fround(clipped * last)) - 1)
    const counts = labels[i] !== 0 ? positives : negatives
    counts[bucket]! += weight(Math.floor(i / perSample))
  }
}

function curveOf(positives: Float64Array, negatives: Float64Array): Curve {
  const truePositives = sumsFromTheEnd(positives)
  const falsePositives = sumsFromTheEnd(negatives)
  return { truePositives, falsePositives, positives: truePositives[0]!, negatives: falsePositives[0]! }
}

function sumsFromTheEnd(counts: Float64Array): Float64Array {
  const sums = Float64Array.from(counts)
  for (let i = sums.length - 2; i >= 0; i--) sums[i]! += sums[i + 1]!
  return sums
}

/** Riemann sum of y over x, both given at each threshold. */
function area({ truePositives, falsePositives, positives, negatives }: Curve, curve: 'ROC' | 'PR', method: string): number {
  const recall = truePositives.map((count) => ratio(count, positives))
  const x = curve === 'ROC' ? falsePositives.map((count) => ratio(count, negatives)) : recall
  const y = curve === 'ROC' ? recall : truePositives.map((count, i) => ratio(count, count + falsePositives[i]!))
  let sum = 0
  for (let i = 0; i + 1 < x.length; i++) {
    const [a, b] = [y[i]!, y[i + 1]!]
    const height = method === 'interpolation' ? (a + b) / 2 : method === 'minoring' ? Math.min(a, b) : Math.max(a, b)
    sum += (x[i]! - x[i + 1]!) * height
  }
  return sum
}

/**
 * Between two thresholds the true positives are linear in the positives p: TP = intercept + slope · p. The area of one piece is
 * ∫ TP / p dTP = slope · (ΔTP + intercept · ln(p₁ / p₂)), divided by all that are positive.
 */
function interpolatedPrecisionRecall({ truePositives, falsePositives, positives }: Curve): number {
  let sum = 0
  for (let i = 0; i + 1 < truePositives.length; i++) {
    const [high, low] = [truePositives[i]!, truePositives[i + 1]!]
    const [calledHigh, calledLow] = [high + falsePositives[i]!, low + falsePositives[i + 1]!]
    const slope = ratio(high - low, Math.max(calledHigh - calledLow, 0))
    const intercept = low - slope * calledLow
    const called = calledHigh > 0 && calledLow > 0 ? calledHigh / calledLow : 1
    sum += ratio(slope * (high - low + intercept * Math.log(called)), positives)
  }
  return sum
}
