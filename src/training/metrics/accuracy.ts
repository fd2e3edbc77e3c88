/** @file The share of right answers: by the largest probability, or by a threshold. */
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Tensor } from '../../tensor/index.ts'
import { meanMetric } from './mean-metric.ts'
import type { Judgement } from './mean-metric.ts'
import { argmax } from './metric.ts'
import type { Metric, MetricOptions } from './metric.ts'

/** Accuracy of whatever the labels are: binary, sparse or one-hot, told apart by the shapes of each batch as Keras does. */
export function accuracy(options: MetricOptions = {}): Metric {
  refuseUnknown('accuracy', options, { name: true })
  const { name = 'accuracy' } = options
  return meanMetric(name, judgementByShape)
}

/** Whether the largest prediction stands where the largest label does; labels are one-hot. */
export function categoricalAccuracy(options: MetricOptions = {}): Metric {
  refuseUnknown('categoricalAccuracy', options, { name: true })
  const { name = 'categorical_accuracy' } = options
  return meanMetric(name, () => CATEGORICAL, { className: 'CategoricalAccuracy', config: {} })
}

/** Whether the largest prediction stands at the labelled class; labels are class numbers. */
export function sparseCategoricalAccuracy(options: MetricOptions = {}): Metric {
  refuseUnknown('sparseCategoricalAccuracy', options, { name: true })
  const { name = 'sparse_categorical_accuracy' } = options
  return meanMetric(name, () => SPARSE, { className: 'SparseCategoricalAccuracy', config: {} })
}

export interface BinaryAccuracyOptions extends MetricOptions {
  /** Predictions above it mean 1; default 0.5. For logits take 0. */
  readonly threshold?: number
}

/** The share of predictions on the right side of `threshold`; labels are 0 or 1. */
export function binaryAccuracy(options: BinaryAccuracyOptions = {}): Metric {
  refuseUnknown('binaryAccuracy', options, { name: true, threshold: true })
  const { name = 'binary_accuracy', threshold = 0.5 } = options
  checksFor('binaryAccuracy').finite('threshold', threshold)
  const judgement = binary(threshold)
  return meanMetric(name, () => judgement, { className: 'BinaryAccuracy', config: { threshold } })
}

const CATEGORICAL: Judgement = {
  form: 'same',
  units: ({ rows }) => rows,
  isRight: ({ labels, predictions, classes }, row) =>
    argmax(labels, row * classes, classes) === argmax(predictions, row * classes, classes),
}

const SPARSE: Judgement = {
  form: 'sparse',
  units: ({ rows }) => rows,
  isRight: ({ labels, predictions, classes }, row) => labels[row] === argmax(predictions, row * classes, classes),
}

function binary(threshold: number): Judgement {
  const limit = Math.fround(threshold)
  return {
    form: 'same',
    units: ({ predictions }) => predictions.length,
    isRight: ({ labels, predictions }, i) => labels[i] === (predictions[i]! > limit ? 1 : 0),
  }
}

const HALF = binary(0.5)

function judgementByShape(yTrue: Tensor, yPred: Tensor): Judgement {
  const classes = yPred.shape.length > 1 ? yPred.shape.at(-1) : 1
  if (classes === 1) return HALF
  const sparse = yTrue.shape.length < yPred.shape.length || yTrue.shape.at(-1) === 1
  return sparse ? SPARSE : CATEGORICAL
}
