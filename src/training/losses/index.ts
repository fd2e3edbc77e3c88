/** @file The losses. */
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  lossNames,
  meanSquaredError,
  resolveLoss,
  sparseCategoricalCrossentropy,
  type CrossentropyOptions,
  type FocalOptions,
  type Loss,
  type LossInputs,
  type TargetForm,
} from './losses.ts'
