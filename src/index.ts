/** @file The public interface of the package. Whatever is not exported here or by a subpath is private. */
export * as applications from './applications/index.ts'
export type { ApplicationOptions, DecodedPrediction, DecodeOptions, MobileNetOptions, NetworkName } from './applications/index.ts'

export { layers, input, Layer, Variable, clearSession, setRandomSeed } from './layers/index.ts'
export type { CallOptions, LayerOptions, SymbolicTensor } from './layers/index.ts'

export { callbacks, describeLoop, loadModel, losses, metrics, model, Model, optimizers, schedules } from './training/index.ts'
export type {
  Callback,
  CompileOptions,
  EvaluateOptions,
  FitData,
  FitOptions,
  History,
  LoadModelOptions,
  Logs,
  PredictOptions,
  SanityId,
  SanityOption,
  StreamBatch,
  TrainingControl,
  TrainingEvent,
} from './training/index.ts'
export type { ModelOptions, SummaryOptions } from './models/index.ts'

export * as image from './image/index.ts'
export type { Interpolation, LoadOptions, PreprocessMode } from './image/index.ts'

export { imageFolder, prepare } from './data/index.ts'
export type { ImageFolder, ImageFolderOptions, Prepared, PrepareOptions } from './data/index.ts'

export {
  adviseNetwork,
  checkClassifier,
  checkMachine,
  Classifier,
  fineTune,
  loadClassifier,
  pretrainedClassifier,
  trainClassifier,
} from './transfer/index.ts'
export type {
  CheckMachineOptions,
  ClassifierCheck,
  LoadClassifierOptions,
  MachineCheck,
  SaveClassifierOptions,
  SavedClassifier,
} from './transfer/index.ts'
export type { AdviseEvent, AdviseOptions, NetworkAdvice, NetworkSettings, RankedNetwork } from './transfer/index.ts'
export type {
  Evaluation,
  FineTuneOptions,
  PhotoFile,
  Prediction,
  PretrainedOptions,
  TrainClassifierOptions,
  TrainReport,
} from './transfer/index.ts'

export { plotLearningRates, plotModel, plotTraining } from './report/index.ts'
export type { Picture, PlotModelOptions, PlotTrainingOptions } from './report/index.ts'

export { availableEngines } from './engine/index.ts'
export type { EngineName } from './engine/index.ts'

export { stack, tensor, zeros } from './tensor/index.ts'
export type { DType, Shape, Tensor, TensorData } from './tensor/index.ts'

export { RootstockError } from './errors.ts'
export type { ErrorCode, ErrorDetails } from './errors.ts'
