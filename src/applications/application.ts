/** @file Builds any network of the table: checks the arguments as Keras does, draws body and top, loads the weights. */
import type { Dim } from '../tensor/index.ts'
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import { model, type Model } from '../training/index.ts'
import { loadApplicationWeights, type WeightsProgress } from './application-weights.ts'
import { chooseApplication } from './application-rules.ts'
import type { Network } from './network.ts'

/** The arguments that all networks share, with Keras's meaning and defaults. */
export interface ApplicationOptions extends WeightsProgress {
  /** The 1,000-class top (or one of `classes`). Default true. */
  readonly includeTop?: boolean
  /**
   * 'imagenet' (downloaded once, shared with Keras), 'embedded' (inside the package: MobileNet 0.5 for 128×128 pixels, without a top), null
   * for random ones, or a path to an .h5 file. Default 'imagenet'.
   */
  readonly weights?: string | null
  /** A tensor to build upon instead of a new input. */
  readonly inputTensor?: SymbolicTensor
  /** Height, width, channels; null for any. Default: the network's own with the top, [96, 96, 3] with embedded weights, else [null, null, 3]. */
  readonly inputShape?: readonly Dim[]
  /** Without the top: the whole feature map (null), its mean, or its maximum. Default null. */
  readonly pooling?: 'avg' | 'max' | null
  /** Outputs of the top. Default 1000. */
  readonly classes?: number
  /** 'softmax', or null for logits. Default 'softmax'. */
  readonly classifierActivation?: string | null
  /** The model's name. Default Keras's. */
  readonly name?: string
  /** Told what is unusual but allowed. Default: one line on stderr. */
  readonly onWarning?: (message: string) => void
}

/** Builds one network. Throws USAGE for arguments that break Keras's rules, and what loading the weights throws. */
export async function buildApplication(network: Network, options: ApplicationOptions): Promise<Model> {
  const chosen = chooseApplication(network, options)
  const { includeTop, pooling, weights } = chosen
  const image = options.inputTensor ?? layers.input({ shape: chosen.shape })
  const features = network.body(image)
  const output = includeTop ? network.top(features, chosen) : pooled(features, pooling, network)
  const inputs = options.inputTensor ? sourceInputs(options.inputTensor) : image
  const result = model({ inputs, outputs: output, name: options.name ?? network.modelName(chosen.rows) })
  result.preprocessing = network.preprocessing
  if (weights !== null) await loadApplicationWeights(result, network, { ...options, ...chosen, weights })
  return result
}

function pooled(features: SymbolicTensor, pooling: 'avg' | 'max' | null, { poolingNames }: Network): SymbolicTensor {
  if (pooling === null) return features
  const options = poolingNames ? { name: poolingNames[pooling] } : {}
  return (pooling === 'avg' ? layers.globalAveragePooling2d(options) : layers.globalMaxPooling2d(options))(features)
}

/** The inputs that a tensor depends on. */
function sourceInputs(tensor: SymbolicTensor): readonly SymbolicTensor[] {
  const { inputs } = tensor.call
  return inputs.length === 0 ? [tensor] : [...new Set(inputs.flatMap(sourceInputs))]
}
