/** @file Builds any network of the table: checks the arguments as Keras does, draws body and top, loads the weights. */
import { RootstockError } from '../errors.ts'
import { showShape, type Dim } from '../tensor/index.ts'
import * as layers from '../layers/index.ts'
import type { SymbolicTensor } from '../layers/index.ts'
import { model, type Model } from '../training/index.ts'
import { loadApplicationWeights, type WeightsProgress } from './application-weights.ts'
import type { Network } from './network.ts'

/** The arguments that all networks share, with Keras's meaning and defaults. */
export interface ApplicationOptions extends WeightsProgress {
  /** The 1,000-class top (or one of `classes`). Default true. */
  readonly includeTop?: boolean
  /** 'imagenet' (downloaded once, shared with Keras), null for random ones, or a path to an .h5 file. Default 'imagenet'. */
  readonly weights?: string | null
  /** A tensor to build upon instead of a new input. */
  readonly inputTensor?: SymbolicTensor
  /** Height, width, channels; null for any. Default: the network's own with the top, else [null, null, 3]. */
  readonly inputShape?: readonly Dim[]
  /** Without the top: the whole feature map (null), its mean, or its maximum. Default null. */
  readonly pooling?: 'avg' | 'max' | null
  /** Outputs of the top. Default 1000. */
  readonly classes?: number
  /** 'softmax', or null for logits. Default 'softmax'. */
  readonly classifierActivation?: string | null
  /** The model's name. Default Keras's. */
  readonly name?: string
}

/** Builds one network. `extra` are its own arguments, complete. */
export async function buildApplication<X extends object>(network: Network<X>, options: ApplicationOptions, extra: X): Promise<Model> {
  const includeTop = options.includeTop ?? true
  const weights = options.weights === undefined ? 'imagenet' : options.weights
  const classes = options.classes ?? 1000
  checkOptions(network, options, { includeTop, weights, classes })
  network.check?.(extra)
  const shape = inputShape(network, options, { includeTop, weights })
  const image = options.inputTensor ?? layers.input({ shape })
  const features = network.body(image, extra)
  const classifierActivation = options.classifierActivation === undefined ? 'softmax' : options.classifierActivation
  const output = includeTop ? network.top(features, { classes, classifierActivation }, extra) : pooled(features, options.pooling ?? null)
  const rows = shape[0] ?? null
  const source = options.inputTensor ? sourceInputs(options.inputTensor) : image
  const result = model({ inputs: source, outputs: output, name: options.name ?? network.modelName(extra, rows) })
  result.preprocessing = network.preprocessing
  if (weights !== null) await loadApplicationWeights(result, network, { ...options, weights, includeTop, extra, shape })
  return result
}

interface Chosen {
  readonly includeTop: boolean
  readonly weights: string | null
  readonly classes: number
}

function checkOptions<X extends object>({ id }: Network<X>, options: ApplicationOptions, { includeTop, weights, classes }: Chosen): void {
  const { pooling, classifierActivation } = options
  if (pooling != null && pooling !== 'avg' && pooling !== 'max') {
    throw new RootstockError('USAGE', `Invalid pooling of ${id}: found ${JSON.stringify(pooling)}, expected null, "avg" or "max"`)
  }
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RootstockError('USAGE', `Invalid classes of ${id}: found ${classes}, expected a whole number of at least 1`)
  }
  if (weights !== 'imagenet' || !includeTop) return
  if (classes !== 1000) {
    throw new RootstockError(
      'USAGE',
      `Cannot load ImageNet weights into ${id}: found classes ${classes}, expected 1000 with the top included`,
      {
        hint: 'Leave the top out (includeTop: false) and add your own, or take weights: null',
      },
    )
  }
  if (classifierActivation !== undefined && classifierActivation !== null && classifierActivation !== 'softmax') {
    throw new RootstockError(
      'USAGE',
      `Invalid classifierActivation of ${id}: found "${classifierActivation}", expected "softmax" or null with a pretrained top`,
    )
  }
}

/** Keras's rules for the input's shape. */
function inputShape<X extends object>(
  network: Network<X>,
  options: ApplicationOptions,
  { includeTop, weights }: Pick<Chosen, 'includeTop' | 'weights'>,
): readonly Dim[] {
  const { id, leastSize } = network
  const given = options.inputShape ?? options.inputTensor?.shape.slice(1)
  if (given && given.length !== 3) {
    throw new RootstockError('USAGE', `Invalid inputShape of ${id}: found ${showShape(given)}, expected [height, width, channels]`)
  }
  const size = defaultSize(network, given)
  const standard = [size, size, (weights !== 'imagenet' && given?.[2]) || 3]
  if (weights === 'imagenet' && includeTop) {
    if (given && given.some((n, i) => n !== standard[i])) {
      throw new RootstockError(
        'USAGE',
        `Invalid inputShape of ${id}: found ${showShape(given)}, expected ${showShape(standard)} with ImageNet weights and the top included`,
        {
          hint: 'Leave the top out (includeTop: false) to choose another size',
        },
      )
    }
    return standard
  }
  if (!given) return includeTop ? standard : [null, null, 3]
  const [height, width, channels] = given
  if (weights === 'imagenet' && channels !== 3) {
    throw new RootstockError('USAGE', `Invalid inputShape of ${id}: found ${channels} channels, expected 3 with ImageNet weights`)
  }
  if ([height, width].some((n) => n != null && (!Number.isInteger(n) || n < leastSize))) {
    throw new RootstockError(
      'USAGE',
      `Invalid inputShape of ${id}: found ${showShape(given)}, expected a height and width of at least ${leastSize} pixels`,
    )
  }
  if (includeTop && (height == null || width == null)) {
    throw new RootstockError(
      'USAGE',
      `Invalid inputShape of ${id}: found ${showShape(given)}, expected a known height and width with the top included`,
    )
  }
  return given
}

/** MobileNet's weights exist for four sizes, each of which counts as its default. */
function defaultSize<X extends object>({ id, defaultSize: standard }: Network<X>, given: readonly Dim[] | undefined): number {
  const [height, width] = given ?? []
  return id === 'mobilenet' && height != null && height === width && [128, 160, 192, 224].includes(height) ? height : standard
}

function pooled(features: SymbolicTensor, pooling: 'avg' | 'max' | null): SymbolicTensor {
  if (pooling === 'avg') return layers.globalAveragePooling2d()(features)
  return pooling === 'max' ? layers.globalMaxPooling2d()(features) : features
}

/** The inputs that a tensor depends on. */
function sourceInputs(tensor: SymbolicTensor): readonly SymbolicTensor[] {
  const { inputs } = tensor.call
  return inputs.length === 0 ? [tensor] : [...new Set(inputs.flatMap(sourceInputs))]
}
