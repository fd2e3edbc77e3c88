/** @file What a metric is, and the reading of labels and predictions that all of them share. */
import { RootstockError } from '../../errors.ts'
import { showShape } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'

/** A figure gathered over batches. An object of this form is a metric; there is nothing to extend. */
export interface Metric {
  /** The key in the logs. */
  readonly name: string
  /** Whether less or more is better. */
  readonly direction: 'min' | 'max'
  /** Keras's class and everything that made it; model files hold it. Metrics without it are held by their name, if Keras has one. */
  readonly keras?: {
    /** Keras's class. */
    readonly className: string
    /** Its arguments. */
    readonly config: Readonly<Record<string, unknown>>
  }
  /** Takes a batch in; `sampleWeight` has one weight per sample. Throws SHAPE where labels and predictions do not fit the metric. */
  update(yTrue: Tensor, yPred: Tensor, sampleWeight?: Float32Array): void
  /** The figure over everything since the last `reset`; 0 when there was nothing. */
  result(): number
  /** Forgets everything; called before every epoch. */
  reset(): void
  /** What was gathered since the last `reset`, as JSON; without it a run can go on from the end of an epoch only. */
  state?: () => unknown
  /** Takes up a stored state. Throws FORMAT. */
  restore?: (state: unknown) => void
}

/** Options that every metric has. */
export interface MetricOptions {
  /** The key in the logs; Keras's own name by default. */
  readonly name?: string
}

/** Labels and predictions of a batch as plain numbers. */
export interface Batch {
  readonly labels: ArrayLike<number>
  readonly predictions: ArrayLike<number>
  readonly samples: number
  /** Size of the last axis of the predictions; 1 when they have one axis only. */
  readonly classes: number
  /** Samples times the axes between the first and the last: the number of rows of `classes` predictions. */
  readonly rows: number
  readonly weight: (sample: number) => number
}

/** How labels relate to predictions: one label for each entry, or one class number for each row. */
export type LabelForm = 'same' | 'sparse'

/** Reads a batch for the metric `name`; SHAPE where the labels do not have the form that it needs. */
export function readBatch(
  name: string,
  form: LabelForm,
  given: { yTrue: Tensor; yPred: Tensor; sampleWeight: Float32Array | undefined },
): Batch {
  const { yTrue, yPred, sampleWeight } = given
  const samples = yPred.shape[0] ?? 1
  const classes = yPred.shape.length > 1 ? (yPred.shape.at(-1) ?? 1) : 1
  const rows = classes === 0 ? 0 : yPred.data.length / classes
  const expected = form === 'same' ? yPred.data.length : rows
  if (yTrue.data.length !== expected || (yTrue.shape[0] ?? 1) !== samples) {
    const form_ = form === 'same' ? 'a label for each prediction' : 'a class number for each row of predictions'
    throw new RootstockError(
      'SHAPE',
      `Cannot compute ${name}: labels have shape ${showShape(yTrue.shape)} and predictions ${showShape(yPred.shape)}, expected ${form_}`,
      {
        hint: form === 'same' ? 'Give one-hot labels, or use a sparse metric.' : 'Give class numbers, or use a metric that is not sparse.',
      },
    )
  }
  if (sampleWeight !== undefined && sampleWeight.length !== samples) {
    throw new RootstockError('SHAPE', `Cannot compute ${name}: ${String(sampleWeight.length)} weights for ${String(samples)} samples`)
  }
  const weight = (sample: number): number => (sampleWeight === undefined ? 1 : (sampleWeight[sample] ?? 0))
  return { labels: numbers(name, yTrue), predictions: numbers(name, yPred), samples, classes, rows, weight }
}

function numbers(name: string, { data, dtype }: Tensor): ArrayLike<number> {
  if (data instanceof BigInt64Array) return Float64Array.from(data, Number)
  if (dtype === 'float16')
    throw new RootstockError('USAGE', `Cannot compute ${name}: the values are float16, expected float32 or whole numbers`)
  return data
}

/** Index of the largest of `count` values from `from` on; the first of equals, as in Keras. */
export function argmax(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0
  for (let i = 1; i < count; i++) if (values[from + i]! > values[from + best]!) best = i
  return best
}

/** a / b, and 0 where b is 0. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b
}
