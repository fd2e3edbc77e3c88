/** @file Metrics by name. */
import { unknownName } from '../../errors.ts'
import { accuracy, binaryAccuracy, categoricalAccuracy, sparseCategoricalAccuracy } from './accuracy.ts'
import { auc } from './auc.ts'
import { f1Score } from './f1-score.ts'
import type { Metric, MetricOptions } from './metric.ts'
import { precision, recall } from './precision-recall.ts'
import { sparseTopKCategoricalAccuracy, topKCategoricalAccuracy } from './top-k.ts'

/** Keras's name and what makes the metric with its defaults. */
const METRICS: Readonly<Record<string, (options: MetricOptions) => Metric>> = {
  accuracy,
  acc: accuracy,
  binary_accuracy: binaryAccuracy,
  categorical_accuracy: categoricalAccuracy,
  sparse_categorical_accuracy: sparseCategoricalAccuracy,
  top_k_categorical_accuracy: topKCategoricalAccuracy,
  sparse_top_k_categorical_accuracy: sparseTopKCategoricalAccuracy,
  precision,
  recall,
  f1_score: f1Score,
  auc,
}

/** The names that `resolveMetric` knows. */
export const metricNames: readonly string[] = Object.keys(METRICS)

/**
 * The metric that `spec` names, fresh, or `spec` itself. Keras's spellings (`top_k_categorical_accuracy`, `AUC`) are the log key as they
 * stand, as in Keras; camelCase (`topKCategoricalAccuracy`) gives Keras's key. UNKNOWN_NAME with the nearest names otherwise.
 */
export function resolveMetric(spec: string | Metric): Metric {
  if (typeof spec !== 'string') return spec
  const key = metricNames.find((name) => plain(name) === plain(spec))
  const make = key === undefined ? undefined : METRICS[key]
  if (key === undefined || make === undefined) throw unknownName('metric', spec, metricNames)
  return make({ name: /^[A-Z]/.test(spec) ? spec : key })
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}
