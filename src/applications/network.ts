/** @file What a network is: a row of facts, a function that draws its body, and one that draws its top. */
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import type { PreprocessMode } from '../image/index.ts'
import type { ReleasedNetwork } from './releases.ts'

/** What the top of any network knows when it is drawn. */
export interface Drawing {
  readonly classes: number
  /** Null leaves logits. */
  readonly classifierActivation: string | null
}

/** One network of keras.applications, its own arguments already chosen. */
export interface Network {
  /** The name in the API and on the command line. */
  readonly id: ReleasedNetwork
  /** The name that Keras gives a model for pictures of this height (null: of any height). */
  readonly modelName: (rows: number | null) => string
  /** Height and width it was trained at, in pixels. */
  readonly defaultSize: number
  /** Sizes for which other weights were released. */
  readonly otherSizes?: readonly number[]
  /** Least height and width without the top. */
  readonly leastSize: number
  /** What photos (0 to 255, red first) go through before: keras.applications' mode for it. */
  readonly preprocessing: PreprocessMode
  /** From pixels to the last feature map. */
  readonly body: (image: SymbolicTensor) => SymbolicTensor
  /** From the last feature map to class probabilities. */
  readonly top: (features: SymbolicTensor, drawing: Drawing) => SymbolicTensor
  /** Names of the pooling layers that replace the top. Default: automatic ones. */
  readonly poolingNames?: {
    /** Name of the layer that takes the mean. */
    readonly avg: string
    /** Name of the layer that takes the maximum. */
    readonly max: string
  }
  /** The width by which the released files of one network are told apart. */
  readonly releasedWidth?: number
  /** Throws when no ImageNet weights were released for these arguments. */
  readonly checkReleased?: () => void
}

/** The top of most networks: the mean over the picture, then one dense layer. */
export function averageTop(features: SymbolicTensor, drawing: Drawing): SymbolicTensor {
  return predictions(layers.globalAveragePooling2d({ name: 'avg_pool' })(features), drawing)
}

/** The dense layer that names the classes. */
export function predictions(x: SymbolicTensor, { classes, classifierActivation }: Drawing): SymbolicTensor {
  return layers.dense({ units: classes, activation: classifierActivation, name: 'predictions' })(x)
}
