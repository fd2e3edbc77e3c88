/** @file All kinds of layers, by Keras's class names: what a model file may hold. */
import type { LayerKind } from './kind.ts'
import { activationKind, denseKind, dropoutKind, inputKind, reluKind, softmaxKind } from './core.ts'
import { convKind, depthwiseKind, separableKind } from './convolutional.ts'
import { addKind, concatenateKind, multiplyKind } from './merging.ts'
import { batchNormalizationKind, rescalingKind } from './normalization.ts'
import { averagePoolingKind, globalAverageKind, globalMaxKind, maxPoolingKind } from './pooling.ts'
import { flattenKind, reshapeKind, zeroPaddingKind } from './shaping.ts'

const all = [
  inputKind,
  denseKind,
  activationKind,
  reluKind,
  softmaxKind,
  dropoutKind,
  convKind,
  depthwiseKind,
  separableKind,
  maxPoolingKind,
  averagePoolingKind,
  globalAverageKind,
  globalMaxKind,
  batchNormalizationKind,
  rescalingKind,
  addKind,
  multiplyKind,
  concatenateKind,
  zeroPaddingKind,
  flattenKind,
  reshapeKind,
] as unknown as readonly LayerKind[]

/** Class name → kind. */
export const kindByClassName: ReadonlyMap<string, LayerKind> = new Map(all.map((kind) => [kind.className, kind]))
