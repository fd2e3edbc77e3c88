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

const conv = (filters: number, more: { readonly padding?: 'same'; readonly activation?: string; readonly name: string }): Layer =>
  layers.conv2d({ filters, kernelSize: 3, ...more })

const photos = (count: number, size: number): Tensor<'float32'> => tensor(waves(count * size * size * 3, 0.37), [count, size, size, 3])

/** A squeeze-and-excite block, then a bias for each photo: 16 channels are what the engine's blocks hold. */
function squeezeAndExcite(): Model {
  return netOf([6, 6, 3], (photo) => {
    const x = conv(16, { padding: 'same', activation: 'relu', name: 'c' })(photo)
    const factors = dense('s', 16, 'sigmoid')(layers.globalAveragePooling2d({ keepdims: true })(x))
    const y = conv(16, { name: 'e' })(layers.rescaling({ scale: 0.02 })(layers.multiply()([x, factors])))
    return layers.globalAveragePooling2d()(layers.add()([y, dense('t', 16)(layers.globalAveragePooling2d()(y))]))
  })
}

const merges: readonly Row[] = [
  {
    name: 'a factor for each channel',
    net: () =>
      netOf([4, 4, 3], (photo) => {
        const x = conv(3, { padding: 'same', name: 'c' })(photo)
        const factors = dense('s', 3, 'sigmoid')(layers.globalAveragePooling2d({ keepdims: true })(x))
        return layers.globalAveragePooling2d()(layers.multiply()([x, factors]))
      }),
    x: photos(5, 4),
    losses: [0.065251, 0.064459],
    weights: { 'c/bias': [0.425318, 0.456233, 0.068938], 's/bias': [0.466797, 0.338137, -0.221283], 'o/bias': [0.506417] },
  },
  {
    name: 'a tensor with fewer axes first',
    net: () =>
      netOf([4, 4, 3], (photo) => {
        const x = conv(3, { padding: 'same', name: 'c' })(photo)
        return layers.globalAveragePooling2d()(layers.add()([dense('s')(layers.globalAveragePooling2d()(x)), x]))
      }),
    x: photos(5, 4),
    losses: [0.277038, 0.080956],
    weights: { 'c/bias': [0.325894, 0.469187, 0.066303], 's/bias': [0.410459, 0.308877, -0.180328], 'o/bias': [0.372759] },
  },
  {
    name: "three tensors, none of the result's shape",
    net: () =>
      netOf([4, 3], (x) => {
        const wide = layers.reshape({ targetShape: [1, 3] })(dense('c')(layers.flatten()(x)))
        return layers.flatten()(layers.multiply()([dense('b', 1)(x), wide, dense('a', 1)(x)]))
      }),
    x: tensor(waves(60, 0.37), [5, 4, 3]),
    losses: [0.144289, 0.100207],
    weights: { 'c/bias': [0.409636, 0.417592, 0.076721], 'b/kernel': [0.429393, 0.383524, -0.101305], 'a/bias': [0.472397] },
  },
  {
    name: 'blocks of 16 channels',
    net: squeezeAndExcite,
    x: photos(5, 6),
    losses: [8.323009, 1.190485],
    weights: {
      's/bias': [
        0.450467, 0.303927, -0.208334, -0.498082, -0.139708, 0.397189, 0.442665, -0.134638, -0.483801, -0.268244, 0.296037, 0.482823,
        0.07797, -0.471852, -0.395127, 0.172079,
      ],
      'o/bias': [0.123572],
    },
  },
  {
    name: 'blocks of 16 channels of one photo',
    net: squeezeAndExcite,
    x: photos(1, 6),
    losses: [10.928247, 2.699744],
    weights: {
      's/bias': [
        0.478339, 0.298018, -0.237386, -0.498082, -0.139708, 0.396585, 0.454257, -0.12292, -0.502871, -0.268286, 0.296037, 0.482812,
        0.056079, -0.438567, -0.401354, 0.17166,
      ],
      'o/bias': [-0.502852],
    },
  },
]

const normed =
  (...shape: number[]): Row['net'] =>
  () =>
    netOf(shape, (x) => layers.flatten()(norm()(x)))

/** The last axis is that of the channels, however many there are. */
const axes: readonly Row[] = [
  {
    name: 'a batch norm on three axes',
    net: normed(3, 5),
    x: tensor(waves(90, 0.41), [6, 3, 5]),
    losses: [0.827299, 0.959621],
    weights: {
      'bn/gamma': [0.356046, 0.441554, 0.193874, -0.204567, -0.448153],
      'bn/beta': [0.400317, 0.416325, 0.045829, -0.357121, -0.42281],
      'bn/moving_mean': [0.016105, 0.010779, 0.003666, -0.004054, -0.011103],
      'bn/moving_variance': [0.617209, 0.630799, 0.640552, 0.640267, 0.630127],
    },
  },
  {
    name: 'a batch norm on five axes',
    net: normed(2, 2, 2, 3),
    x: tensor(waves(144, 0.41), [6, 2, 2, 2, 3]),
    losses: [0.35745, 0.111378],
    weights: {
      'bn/gamma': [0.337665, 0.405338, 0.25614],
      'bn/beta': [0.425272, 0.454843, 0.067215],
      'bn/moving_mean': [0.02214, 0.025478, 0.024592],
      'bn/moving_variance': [0.626799, 0.629009, 0.628392],
    },
  },
]

it.each([...batchNorms, ...frozenModels, ...merges, ...axes])(
  '$name: losses and weights are those of Keras',
  async ({ net: make, x = rows3, losses, weights }) => {
    const net = filled(make())
    const found = await twoSteps(net, x)
    expect(found).toEqual(losses.map((loss) => expect.closeTo(loss, 4) as number))
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

it('a batch norm on three axes predicts what Keras predicts', async () => {
  const net = filled(normed(3, 5)())
  const x = tensor(waves(90, 0.41), [6, 3, 5])
  await twoSteps(net, x)
  const { data } = await net.predict(x)
  await net.dispose()
  const expected = [1.524677, 1.539659, 1.550544, 1.557138, 1.559324, 1.557064]
  expect([...data]).toEqual(expected.map((value) => expect.closeTo(value, 4) as number))
})

it.each([
  { bound: 1, weight: 0.8 },
  { bound: 2, weight: 0.2 },
  { bound: 6, weight: 1 },
])('the gradient of reLU at its bound $bound is that of Keras', async ({ bound, weight }) => {
  const inputs = layers.input({ shape: [1] })
  const net = model({ inputs, outputs: layers.reLU({ maxValue: bound })(dense('d', 1)(inputs)) })
  net.weights[0]!.assign([1])
  net.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' })
  await net.trainOnBatch(tensor([bound], [1, 1]), tensor([0], [1, 1]))
  await net.dispose()
  expect(numbersOf(net, 'd/kernel')).toEqual([expect.closeTo(weight, 5)])
})
