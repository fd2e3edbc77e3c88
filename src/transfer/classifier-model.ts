/** @file The network of a classifier: a pretrained trunk and a new head, named as in the Keras tutorials. */
import { RootstockError, unknownName } from '../errors.ts'
import { application, networkOf, type ApplicationOptions } from '../applications/index.ts'
import { preprocessModes, type PreprocessMode } from '../image/index.ts'
import * as layers from '../layers/index.ts'
import { model, type Model } from '../training/index.ts'

/** What a classifier's network is made of; stored in the run, so that it can be built again. */
export interface ClassifierSpec {
  readonly network: string
  /** MobileNet only. */
  readonly alpha: number
  /** Height and width in pixels. */
  readonly size: number
  readonly head: number | 'none'
  readonly classes: readonly string[]
  /** Where it is not the network's own. */
  readonly preprocessing?: PreprocessMode
}

/** How weights are fetched. */
type Fetching = Pick<ApplicationOptions, 'signal' | 'onProgress'>

/**
 * Trunk and head. `weights` are the trunk's: 'imagenet', 'embedded', null or a path. Names do not depend on what else the session has built:
 * runs refer to layers by them.
 */
export async function buildClassifierModel(
  spec: ClassifierSpec,
  weights: string | null,
  fetching: Fetching = {},
): Promise<{ net: Model; base: Model }> {
  const { network, alpha, size, head, classes } = spec
  const width = isMobileNet(network) ? { alpha } : {}
  const inputShape = [size, size, 3]
  const base = await layers.withOwnNames(() => application(network, { includeTop: false, inputShape, weights, ...fetching, ...width }))
  let x = layers.globalAveragePooling2d({ name: 'average_pooling2d_new' })(base.output)
  if (head !== 'none') x = layers.dense({ units: head, activation: 'relu', name: 'dense_new' })(x)
  const y = layers.dense({ units: classes.length, activation: 'softmax', name: 'dense_output' })(x)
  const net = model({ inputs: base.input, outputs: y, name: `${networkOf(network).id}_classifier` })
  net.preprocessing = spec.preprocessing ?? base.preprocessing
  return { net, base }
}

/** Names and defaults at the door. */
export function checkedSpec(spec: {
  network?: string | undefined
  alpha?: number | undefined
  size?: number | undefined
  head?: number | 'none' | undefined
  preprocessing?: PreprocessMode | undefined
}): Omit<ClassifierSpec, 'classes'> {
  const { id, defaultSize, leastSize } = networkOf(spec.network ?? 'mobilenet')
  const size = spec.size ?? defaultSize
  const head = spec.head ?? 1024
  if (!Number.isInteger(size) || size < leastSize) {
    throw new RootstockError('USAGE', `Invalid size of ${id}: found ${size}, expected a whole number of at least ${leastSize} pixels`)
  }
  if (head !== 'none' && (!Number.isInteger(head) || head < 1)) {
    throw new RootstockError('USAGE', `Invalid head: found ${head}, expected a whole number of units of at least 1, or "none"`)
  }
  if (spec.alpha !== undefined && !isMobileNet(id))
    throw new RootstockError('USAGE', `Invalid alpha: found ${spec.alpha}, but only mobilenet has a width`)
  const { preprocessing } = spec
  if (preprocessing !== undefined && !preprocessModes.includes(preprocessing))
    throw unknownName('preprocessing', String(preprocessing), preprocessModes)
  return { network: id, alpha: spec.alpha ?? 1, size, head, ...(preprocessing === undefined ? {} : { preprocessing }) }
}

/**
 * Freezes the trunk, or all of it before a layer. Batch norms of a pretrained trunk stay on their statistics: a few dozen
 * photos a batch would replace what a million taught them.
 */
export function freezeUpTo(base: Model, from: string | undefined, pretrained: boolean): void {
  base.trainable = false
  if (from === undefined) return
  const first = from === 'all' ? 0 : base.layers.indexOf(base.getLayer(from))
  for (const layer of base.layers.slice(first)) {
    const isNorm = layer.className === 'BatchNormalization'
    layer.trainable = !(pretrained && isNorm)
    // A random trunk learns its statistics from a few hundred steps: at Keras's 0.99 they would lag behind the weights
    // until long after the last epoch, and every validation would be at chance.
    if (!pretrained && isNorm) layer.configure({ momentum: 0.9 })
  }
}

const isMobileNet = (network: string): boolean => networkOf(network).id === 'mobilenet'
