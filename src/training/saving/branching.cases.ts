/** @file A small network that has everything which files must hold, and the optimizers to train it with. */
import { layers } from '../../layers/index.ts'
import { tensor } from '../../tensor/index.ts'
import { model, optimizers, schedules, type Model } from '../index.ts'

/** A small network with a nested model, a shared layer, and every kind of weight. */
export function branching(): Model {
  const inner = layers.input({ shape: [8, 8, 4], name: 'inner_input' })
  let z = layers.batchNormalization({ name: 'inner_bn', scale: false })(
    layers.conv2d({ filters: 4, kernelSize: 1, name: 'inner_conv' })(inner),
  )
  z = layers.activation({ activation: 'silu', name: 'inner_act' })(z)
  const nested = model({ inputs: inner, outputs: z, name: 'nested' })
  const x = layers.input({ shape: [8, 8, 3], name: 'pixels' })
  const shared = layers.conv2d({ filters: 4, kernelSize: [3, 3], padding: 'same', name: 'shared', kernelInitializer: 'heNormal' })
  const a = shared(layers.rescaling({ scale: 1 / 127.5, offset: -1, name: 'scaled' })(x))
  const b = nested(a, { training: false })
  const c = nested(layers.reLU({ maxValue: 6, name: 'relu6' })(a))
  let y = layers.concatenate({ name: 'joined' })([layers.add({ name: 'sum' })([a, b]), layers.multiply({ name: 'product' })([b, c])])
  y = layers.depthwiseConv2d({ kernelSize: 3, strides: 2, depthMultiplier: 2, name: 'depthwise' })(layers.zeroPadding2d({ padding: [[0, 1], [0, 1]], name: 'pad' })(y)) // prettier-ignore
  y = layers.separableConv2d({ filters: 6, kernelSize: 3, padding: 'same', name: 'separable', activation: 'relu' })(y)
  const p = layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same', name: 'mean' })(
    layers.maxPooling2d({ poolSize: 2, name: 'max' })(y),
  )
  const g = layers.globalMaxPooling2d({ name: 'greatest' })(p)
  const h = layers.reshape({ targetShape: [-1], name: 'shaped' })(layers.globalAveragePooling2d({ keepdims: true, name: 'gap' })(p))
  y = layers.dropout({ rate: 0.25, name: 'drop' })(layers.concatenate({ name: 'features' })([g, h, layers.flatten({ name: 'flat' })(p)]))
  y = layers.softmax({ name: 'probabilities' })(layers.dense({ units: 3, name: 'logits' })(y))
  return model({ inputs: x, outputs: y, name: 'branching' })
}

/** Five pictures and their classes. */
export const x = tensor(
  Float32Array.from({ length: 5 * 8 * 8 * 3 }, (_, i) => (i * 37) % 256),
  [5, 8, 8, 3],
)
export const y = tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0], [5, 3])

/** One of each optimizer, with and without schedules. */
export const compilations = [
  { name: 'adam', optimizer: optimizers.adam({ learningRate: 0.01, amsgrad: true, clipnorm: 1 }) },
  { name: 'adamW', optimizer: optimizers.adamW({ learningRate: schedules.cosineDecay({ initialLearningRate: 0.01, decaySteps: 9 }) }) },
  { name: 'sgd', optimizer: optimizers.sgd({ momentum: 0.9, nesterov: true }) },
  { name: 'plain sgd', optimizer: optimizers.sgd() },
  { name: 'rmsprop', optimizer: optimizers.rmsprop({ momentum: 0.5, centered: true }) },
  { name: 'adagrad', optimizer: optimizers.adagrad() },
  { name: 'nadam', optimizer: optimizers.nadam() },
  { name: 'lion', optimizer: optimizers.lion({ weightDecay: 0.01 }) },
  {
    name: 'piecewise',
    optimizer: optimizers.sgd({ learningRate: schedules.piecewiseConstantDecay({ boundaries: [1, 2], values: [0.1, 0.05, 0.01] }) }),
  },
]
