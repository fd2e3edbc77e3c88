/** @file What a training run can be told. */
import type { Tensor } from '../tensor/index.ts'
import type { Callback } from './callback.ts'
import type { TrainingEvent } from './events.ts'
import type { FitData, Pair } from './run-data.ts'

/** What `fit` takes, with Keras's names and defaults. */
export interface FitOptions {
  /** Passes over the data. Default 1. */
  readonly epochs?: number
  /** Number of the first epoch; numbering only. Default 0. */
  readonly initialEpoch?: number
  /** Samples per step. Default 32. */
  readonly batchSize?: number
  /** Another order in every epoch. Default true; the data may say otherwise. */
  readonly shuffle?: boolean
  /** Of the order and of dropout. Default 0. */
  readonly seed?: number
  /** Looked at after every epoch. */
  readonly validationData?: FitData | Pair | readonly [Tensor<'float32'>, Tensor]
  /** The last fraction of tensors, taken before shuffling: 0 … 1. */
  readonly validationSplit?: number
  /** Default: batchSize. */
  readonly validationBatchSize?: number
  readonly validationSteps?: number
  /** Batches per epoch. Default: all. */
  readonly stepsPerEpoch?: number
  /** Factor on the loss of each class. */
  readonly classWeight?: Readonly<Record<number, number>>
  /** Factor on the loss of each sample, for tensors. */
  readonly sampleWeight?: ArrayLike<number>
  readonly callbacks?: readonly Callback[]
  /** Keep the features of photos on disk for later runs. Default true. */
  readonly featureStore?: boolean
  /** Hears of everything that happens, in order. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Stops cleanly after the batch under way. */
  readonly signal?: AbortSignal
}
