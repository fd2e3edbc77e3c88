/** @file The names of the options of each function, to tell typing errors by; one that is left out does not compile. */
import type { AdviseOptions } from './advise/options.ts'
import type { FindRateOptions } from './find-rate.ts'
import type { FineTuneOptions, TrainClassifierOptions } from './options.ts'

type Names<O> = Readonly<Record<keyof O, true>>

/** Of `fineTune`. */
export const fineTuneNames: Names<FineTuneOptions> = {
  network: true,
  alpha: true,
  size: true,
  weights: true,
  epochs: true,
  batchSize: true,
  learningRate: true,
  preprocessing: true,
  head: true,
  unfreezeFrom: true,
  layerDecay: true,
  classWeight: true,
  labelsFrom: true,
  precision: true,
  seed: true,
  out: true,
  resume: true,
  checkpointSeconds: true,
  plots: true,
  patience: true,
  validation: true,
  test: true,
  augmentation: true,
  views: true,
  readSize: true,
  mix: true,
  featureStore: true,
  sanity: true,
  duplicates: true,
  leaks: true,
  groups: true,
  groupPattern: true,
  followLinks: true,
  onEvent: true,
  signal: true,
}

/** Of `trainClassifier`. */
export const trainNames: Names<TrainClassifierOptions> = { ...fineTuneNames, recipe: true }

/** Of `adviseNetwork`. */
export const adviseNames: Names<AdviseOptions> = {
  networks: true,
  alphas: true,
  weights: true,
  photos: true,
  folds: true,
  featureStore: true,
  seed: true,
  labelsFrom: true,
  validation: true,
  test: true,
  duplicates: true,
  followLinks: true,
  onEvent: true,
  signal: true,
}

/** Of `findClassifierRate`. */
export const findRateNames: Names<FindRateOptions> = {
  from: true,
  to: true,
  steps: true,
  network: true,
  alpha: true,
  size: true,
  weights: true,
  batchSize: true,
  preprocessing: true,
  head: true,
  unfreezeFrom: true,
  classWeight: true,
  duplicates: true,
  followLinks: true,
  validation: true,
  test: true,
  seed: true,
  featureStore: true,
  onEvent: true,
  signal: true,
}
