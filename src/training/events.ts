/** @file Everything a training run tells its listeners: progress bars, callbacks, logs and pages read the same stream. */

import type { SanityId } from './sanity/check.ts'

/** Figures of a batch or an epoch under Keras's keys: `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`. */
export type Logs = Record<string, number>

/** Which part of the data a count refers to. */
export type Split = 'train' | 'validation' | 'test'

/** The run starts. `steps` (batches per epoch) and `samples` are null where the data does not tell its length. */
export interface TrainBeginEvent {
  readonly type: 'trainBegin'
  readonly epochs: number
  readonly steps: number | null
  readonly samples: number | null
  readonly initialEpoch: number
}

/** The frozen trunk has run over `done` of `total` photos in `seconds`. */
export interface FeaturesProgressEvent {
  readonly type: 'featuresProgress'
  readonly split: Split
  readonly done: number
  readonly total: number
  readonly seconds: number
  /** How many of them were taken from the feature store; they cost no computing. */
  readonly stored?: number
}

/** Work before the training: weights that are downloaded, photos that are looked at, rates that are tried. */
export interface WorkProgressEvent {
  readonly type: 'workProgress'
  readonly label: string
  readonly done: number
  readonly total: number
  readonly unit: 'photos' | 'MB' | 'steps'
  readonly seconds: number
}

/** A picture cannot be used and is left out. */
export interface UnusableEvent {
  readonly type: 'unusable'
  readonly split: Split
  readonly path: string
  readonly reason: string
}

/** An epoch starts; counted from 0. */
export interface EpochBeginEvent {
  readonly type: 'epochBegin'
  readonly epoch: number
}

/** A batch (counted from 0) was learned from; `logs` are running means over the epoch, `samples` the photos seen in it so far. */
export interface BatchEndEvent {
  readonly type: 'batchEnd'
  readonly epoch: number
  readonly batch: number
  readonly steps: number | null
  readonly samples: number
  readonly logs: Readonly<Logs>
}

/** The validation data is about to be passed through. */
export interface ValidationBeginEvent {
  readonly type: 'validationBegin'
  readonly epoch: number
}

/** Validation is over; keys of `logs` carry no `val_` yet. */
export interface ValidationEndEvent {
  readonly type: 'validationEnd'
  readonly epoch: number
  readonly logs: Readonly<Logs>
}

/** An epoch and its validation are over, after every callback had its turn. */
export interface EpochEndEvent {
  readonly type: 'epochEnd'
  readonly epoch: number
  readonly logs: Readonly<Logs>
  readonly seconds: number
}

/** A callback changed the learning rate. */
export interface LearningRateEvent {
  readonly type: 'learningRate'
  readonly from: number
  readonly to: number
  readonly by: string
}

/** A file was written whole. */
export interface CheckpointEvent {
  readonly type: 'checkpoint'
  readonly path: string
  readonly reason: string
}

/** Somebody asked for the end of the run in this epoch. */
export interface StoppedEvent {
  readonly type: 'stopped'
  readonly reason: string
  readonly by: string
  readonly epoch: number
}

/** What a verbose callback has to say. */
export interface MessageEvent {
  readonly type: 'message'
  readonly message: string
  readonly by: string
}

/** Something is probably not as intended, but the run goes on. */
export interface WarningEvent {
  readonly type: 'warning'
  /** What was found and, where there is a remedy, what to do about it. */
  readonly message: string
  readonly by: string
  /** Of warnings by 'sanity': the check, with a row in docs/sanity.md. Stable. */
  readonly id?: SanityId
  /** What to do about it, on its own. */
  readonly remedy?: string
}

/** The run is over after `epochs` whole epochs; `aborted` means that an AbortSignal ended it. */
export interface TrainEndEvent {
  readonly type: 'trainEnd'
  readonly epochs: number
  readonly logs: Readonly<Logs>
  readonly reason: 'finished' | 'stopped' | 'aborted'
}

/** One thing that happened in a run; epochs and batches count from 0, as in Keras. */
export type TrainingEvent =
  | TrainBeginEvent
  | FeaturesProgressEvent
  | WorkProgressEvent
  | UnusableEvent
  | EpochBeginEvent
  | BatchEndEvent
  | ValidationBeginEvent
  | ValidationEndEvent
  | EpochEndEvent
  | LearningRateEvent
  | CheckpointEvent
  | StoppedEvent
  | MessageEvent
  | WarningEvent
  | TrainEndEvent
