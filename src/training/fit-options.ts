/** @file What a training run can be told. */
import type { Tensor } from '../tensor/index.ts'
import type { AugmentationOptions } from './augmentation.ts'
import type { Callback } from './callback.ts'
import type { TrainingEvent } from './events.ts'
import type { FitData, Pair } from './run-data.ts'
import type { SanityOption } from './sanity/doctor.ts'

/** Where and how often a run keeps what it needs to go on after it was interrupted. */
export interface CheckpointOptions {
  /** A folder for this run alone, such as `last.ckpt`; it is made, and no second run may use it at the same time. */
  readonly folder: string
  /**
   * Seconds between two checkpoints, at least; default 10. Saving takes no more than about a twentieth of the time, and always happens at
   * the end of the run and when an AbortSignal ends it.
   */
  readonly everySeconds?: number
  /** Save after every so many optimizer steps too, whatever the time. */
  readonly everyBatches?: number
  /** Something of the caller's to keep with it, as JSON; `readCheckpoint` gives it back. */
  readonly extra?: () => unknown
}

/** Photos and labels, and the weights of the samples. */
export type HeldOutTensors = readonly [Tensor<'float32'>, Tensor] | readonly [Tensor<'float32'>, Tensor, ArrayLike<number>]

/** What `fit` takes, with Keras's names and defaults. */
export interface FitOptions extends AugmentationOptions {
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
  /** Looked at after every epoch: a folder, a stream, or tensors `[x, y]`, with factors on the losses of the samples as a third where they have some. */
  readonly validationData?: FitData | Pair | HeldOutTensors
  /** The last fraction of tensors, taken before shuffling: 0 … 1. */
  readonly validationSplit?: number
  /** Default: batchSize, or more where samples lie ready and are small; no figure depends on it. */
  readonly validationBatchSize?: number
  /** Batches of the validation data to look at. Default all. */
  readonly validationSteps?: number
  /** Batches per epoch. Of fewer than there are the next epoch goes on where this one stopped, up to the end of the data. Default: all. */
  readonly stepsPerEpoch?: number
  /** Factor on the loss of each class; 'balanced' gives all classes the same total weight. */
  readonly classWeight?: Readonly<Record<number, number>> | 'balanced'
  /** Factor on the loss of each sample, for tensors. */
  readonly sampleWeight?: ArrayLike<number>
  /** Take part in the run, in this order. */
  readonly callbacks?: readonly Callback[]
  /** Keeps the state of the run in a folder, so that it can be resumed exactly. Default: not kept. */
  readonly checkpoint?: CheckpointOptions
  /**
   * Go on from the checkpoint in `checkpoint.folder`: weights, figures, events from there on and the callbacks' files become those of a run
   * that was never interrupted, bit for bit. Begins anew where there is no checkpoint yet. Throws USAGE, naming the change, when the data or
   * the settings are others than they were (a stream's batches are not compared); FORMAT when the checkpoint is damaged. Default false.
   */
  readonly resume?: boolean
  /**
   * What the frozen part computes in. 'int8' quantizes it with ranges from up to 48 of the photos, tells by a 'message' event how close its
   * features are, and goes on in 'fp32' with a warning where their mean cosine is below 0.98. The model predicts and evaluates with the same
   * 8-bit trunk afterwards. Default 'fp32'.
   */
  readonly precision?: 'fp32' | 'int8'
  /** Keep the features of photos on disk for later runs, whole (true, the default) or rounded to 'float16' in half the space. */
  readonly featureStore?: boolean | 'float16'
  /**
   * Warns, while it happens, of what is probably not as intended: pixels in another range than the network's, copies in two classes, a learning
   * rate that destroys what the weights know, and so on (docs/sanity.md). false watches nothing, `{ ignore: [...] }` leaves checks out. Without
   * `onEvent` the warnings go to `process.emitWarning`. Default true.
   */
  readonly sanity?: SanityOption
  /** Hears of everything that happens, in order. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Stops cleanly after the batch under way. */
  readonly signal?: AbortSignal
}

/** The names of the options, to tell typing errors by. */
export const fitOptionNames: Readonly<Record<keyof FitOptions, true>> = {
  epochs: true,
  initialEpoch: true,
  batchSize: true,
  shuffle: true,
  seed: true,
  validationData: true,
  validationSplit: true,
  validationBatchSize: true,
  validationSteps: true,
  stepsPerEpoch: true,
  classWeight: true,
  sampleWeight: true,
  callbacks: true,
  checkpoint: true,
  resume: true,
  precision: true,
  featureStore: true,
  sanity: true,
  augmentation: true,
  views: true,
  readSize: true,
  mix: true,
  onEvent: true,
  signal: true,
}

/** As `fitOptionNames`, of `checkpoint`. */
export const checkpointOptionNames: Readonly<Record<keyof CheckpointOptions, true>> = {
  folder: true,
  everySeconds: true,
  everyBatches: true,
  extra: true,
}
