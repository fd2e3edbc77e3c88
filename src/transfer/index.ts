/** @file Public face of transfer/: the recipe, folder in, classifier out. */
export { trainClassifier } from './train-classifier.ts'
export { Classifier, loadClassifier } from './classifier.ts'
export { pretrainedClassifier, type PretrainedOptions } from './pretrained.ts'
export type { Evaluation, Prediction, TrainClassifierOptions, TrainReport } from './options.ts'
