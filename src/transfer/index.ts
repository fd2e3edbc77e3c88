/** @file Public face of transfer/: the recipe, folder in, classifier out. */
export { fineTune, trainClassifier } from './train-classifier.ts'
export { Classifier, type PhotoFile } from './classifier.ts'
export { loadClassifier, type LoadClassifierOptions } from './load-classifier.ts'
export type { SaveClassifierOptions, SavedClassifier } from './save-classifier.ts'
export { checkClassifier, type ClassifierCheck } from './check-classifier.ts'
export { checkMachine, type CheckMachineOptions, type MachineCheck } from './check-machine.ts'
export { pretrainedClassifier, type PretrainedOptions } from './pretrained.ts'
export { adviseNetwork } from './advise/advise-network.ts'
export type { AdviseEvent, AdviseOptions, NetworkAdvice, NetworkSettings, RankedNetwork } from './advise/options.ts'
export { quantizeClassifier } from './int8.ts'
export type { Recipe } from './recipe.ts'
export type {
  EvaluateFolderOptions,
  Evaluation,
  FineTuneOptions,
  Prediction,
  Int8Report,
  TrainClassifierOptions,
  TrainReport,
} from './options.ts'
export { findClassifierRate, type ClassifierRates, type FindRateOptions } from './find-rate.ts'
export { readHistory } from './read-history.ts'
export { evaluateRun, type EvaluateRunOptions } from './evaluate-run.ts'
export { withRunFolder } from './new-run.ts'
export { isRunFolder } from './run-folder.ts'
export { inputSizeOf } from './input-size.ts'
