/** @file Whether the right class is among the k largest predictions. */
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import { meanMetric } from './mean-metric.ts'
import type { Judgement } from './mean-metric.ts'
import { argmax } from './metric.ts'
import type { Batch, Metric, MetricOptions } from './metric.ts'

export interface TopKOptions extends MetricOptions {
  /** At least 1; default 5. */
  readonly k?: number
}

/** The share of samples whose class is among the `k` largest predictions; labels are one-hot. */
export function topKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  refuseUnknown('topKCategoricalAccuracy', options, { name: true, k: true })
  const { name = 'top_k_categorical_accuracy', k = 5 } = options
  checksFor('topKCategoricalAccuracy').whole('k', k, 1)
  const judgement = inTopK(k, 'same', ({ labels, classes }, row) => argmax(labels, row * classes, classes))
  return meanMetric(name, () => judgement, { className: 'TopKCategoricalAccuracy', config: { k } })
}

/** The share of samples whose class is among the `k` largest predictions; labels are class numbers. */
export function sparseTopKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  refuseUnknown('sparseTopKCategoricalAccuracy', options, { name: true, k: true })
  const { name = 'sparse_top_k_categorical_accuracy', k = 5 } = options
  checksFor('sparseTopKCategoricalAccuracy').whole('k', k, 1)
  const judgement = inTopK(k, 'sparse', ({ labels }, row) => labels[row] ?? -1)
  return meanMetric(name, () => judgement, { className: 'SparseTopKCategoricalAccuracy', config: { k } })
}

function inTopK(k: number, form: Judgement['form'], classOf: (batch: Batch, row: number) => number): Judgement {
  return { form, units: ({ rows }) => rows, isRight: (batch, row) => isAmongLargest(batch, row, { k, target: classOf(batch, row) }) }
}

/** TensorFlow's in_top_k: equals of the target do not push it out, and a row with a value that is not finite is never right. */
function isAmongLargest({ predictions, classes }: Batch, row: number, { k, target }: { k: number; target: number }): boolean {
  const own = predictions[row * classes + target]
  if (target < 0 || target >= classes || own === undefined || !Number.isFinite(own)) return false
  let larger = 0
  for (let i = 0; i < classes; i++) {
    const value = predictions[row * classes + i]!
    if (!Number.isFinite(value)) return false
    if (value > own) larger++
  }
  return larger < k
}
