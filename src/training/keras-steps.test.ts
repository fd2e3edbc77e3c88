/** @file Two steps of tiny networks, held to the figures of Keras 3.15.1 (TensorFlow) on the same weights and numbers. */
import { expect, it } from 'vitest'
import * as layers from '../layers/index.ts'
import type { Layer, SymbolicTensor } from '../layers/index.ts'
import { tensor, type Tensor } from '../tensor/index.ts'
import { model, type Model } from './model.ts'
import { sgd } from './optimizers/index.ts'

type Join = (tensors: readonly SymbolicTensor[]) => SymbolicTensor

/** A network, its data, and what Keras says after two steps of SGD with rate 0.1 on the mean squared error. */
interface Row {
  readonly name: string
  readonly net: () => Model
  /** Default: six rows of three numbers. */
  readonly x?: Tensor<'float32'>
  readonly losses: readonly [number, number]
  readonly weights: Readonly<Record<string, readonly number[]>>
}

function waves(count: number, frequency: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(frequency * (i + 1)))
}

const rows3 = tensor(waves(18, 0.7), [6, 3])
const dense = (name: string, units = 3, activation = 'linear'): Layer => layers.dense({ units, activation, name })
const norm = (): Layer => layers.batchNormalization({ momentum: 0.5, name: 'bn' })
const joined: Join = (tensors) => layers.concatenate()(tensors)

/** A network that ends in dense 'o' with one unit. */
function netOf(shape: readonly number[], body: (x: SymbolicTensor) => SymbolicTensor): Model {
  const inputs = layers.input({ shape })
  return model({ inputs, outputs: dense('o', 1)(body(inputs)) })
}

/** Weights but moving statistics become waves, the same as in the script that asked Keras. */
function filled(net: Model): Model {
  net.weights.forEach((weight, k) => {
    if (!weight.canTrain) return
    const numbers = waves(weight.value().data.length, 0.9 + 0.1 * k)
    weight.assign(numbers.map((value) => value / 2))
  })
  return net
}

async function twoSteps(net: Model, x: Tensor<'float32'>): Promise<number[]> {
  const count = x.shape[0] ?? 0
  const y = tensor(waves(count, 0.3), [count, 1])
  net.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' })
  const losses = [(await net.trainOnBatch(x, y))['loss']!, (await net.trainOnBatch(x, y))['loss']!]
  await net.dispose()
  return losses
}

function numbersOf(net: Model, path: string): readonly number[] {
  return [...net.weights.find((weight) => weight.path === path)!.value().data]
}

/** Moving statistics go on from call to call, in the order in which Keras makes the calls. */
const batchNorms: readonly Row[] = [
  {
    name: 'a batch norm behind itself',
    net: () =>
      netOf([3], (x) => {
        const bn = norm()
        return bn(dense('d')(bn(x)))
      }),
    losses: [0.126447, 0.093946],
    weights: { 'bn/moving_mean': [0.312422, 0.187851, -0.231148], 'bn/moving_variance': [0.22601, 0.228215, 0.226451] },
  },
  {
    name: 'a batch norm on two branches',
    net: () =>
      netOf([3], (x) => {
        const bn = norm()
        return joined([bn(dense('d')(x)), bn(dense('e')(x))])
      }),
    losses: [0.500719, 0.101941],
    weights: { 'bn/moving_mean': [0.42276, 0.353175, -0.11628], 'bn/moving_variance': [0.091207, 0.080017, 0.083194] },
  },
  {
    name: 'a batch norm on two branches that Keras runs from the second to the first',
    net: () =>
      netOf([3], (x) => {
        const bn = norm()
        const [d, e] = [dense('d'), dense('e')]
        return joined([dense('f', 2)(bn(e(x))), dense('g', 2)(bn(d(x)))])
      }),
    losses: [0.176792, 0.116595],
    weights: { 'bn/moving_mean': [0.408319, 0.389697, -0.024725], 'bn/moving_variance': [0.094082, 0.079942, 0.082683] },
  },
  {
    name: 'a batch norm in a model that is called twice',
    net() {
      const inner = layers.input({ shape: [3] })
      const tower = model({ inputs: inner, outputs: norm()(dense('d')(inner)) })
      return netOf([3], (x) => joined([tower(x), tower(layers.rescaling({ scale: 2 })(x))]))
    },
    losses: [0.266909, 0.155892],
    weights: { 'bn/moving_mean': [0.393295, 0.42638, 0.067238], 'bn/moving_variance': [0.155379, 0.118721, 0.134025] },
  },
]

/** dense 'd' → batch norm 'bn' → dense 'o'. */
const chain = (): Model => netOf([3], (x) => norm()(dense('d')(x)))

/** Frozen as a whole, with layers that are not. */
function frozen(net: Model, ...trainable: readonly string[]): Model {
  net.trainable = false
  for (const name of trainable) net.getLayer(name).trainable = true
  return net
}

const frozenModels: readonly Row[] = [
  {
    name: 'layers that train in a frozen model: only statistics move',
    net: () => frozen(chain(), 'd', 'bn'),
    losses: [0.159766, 0.159766],
    weights: { 'bn/moving_mean': [0.315067, 0.341018, 0.053444], 'o/kernel': [0.498747, 0.07056, -0.488765] },
  },
  {
    name: 'a layer that trains in a frozen model in another model',
    net: () => {
      const inner = frozen(chain(), 'd')
      const inputs = layers.input({ shape: [3] })
      return model({ inputs, outputs: dense('oo', 1)(inner(inputs)) })
    },
    losses: [0.112596, 0.083781],
    weights: { 'd/bias': [0.413492, 0.453719, 0.069304], 'bn/moving_mean': [0, 0, 0], 'o/bias': [0.499787], 'oo/bias': [0.418994] },
  },
]

it.each([...batchNorms, ...frozenModels])(
  '$name: losses and weights are those of Keras',
  async ({ net: make, x = rows3, losses, weights }) => {
    const net = filled(make())
    const found = await twoSteps(net, x)
    expect(found).toEqual(losses.map((loss) => expect.closeTo(loss, 5) as number))
    for (const [path, expected] of Object.entries(weights)) {
      expect(numbersOf(net, path)).toEqual(expected.map((value) => expect.closeTo(value, 4) as number))
    }
  },
)

it('a model that is made with trainable: false has no trainable weights, though its layers say that they train', () => {
  const { inputs, outputs } = chain()
  const net = model({ inputs, outputs, trainable: false })
  expect(net.trainableWeights).toEqual([])
  expect(net.layers.map(({ trainable }) => trainable)).toEqual([true, true, true, true])
  expect(net.summary()).toContain('Trainable params: 0')
})
