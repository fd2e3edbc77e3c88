/** @file Prediction: sizes, batches, changed weights, several outputs and inputs, and what is refused. */
import { describe, expect, it, vi } from 'vitest'
import * as engines from '../engine/index.ts'
import { onnxGraph } from '../formats/onnx/index.ts'
import * as layers from '../layers/index.ts'
import { add, batchNormalization, clearSession, conv2d, dense, dropout, flatten, globalAveragePooling2d, input } from '../layers/index.ts'
import { readOnnx, writeOnnx } from '../onnx/index.ts'
import { random, rows, tensor, zeros, type Shape, type Tensor } from '../tensor/index.ts'
import { model, type Model } from './model.ts'
import { joinRows, Predictor } from './predict.ts'

vi.mock('../engine/index.ts', { spy: true })

type Numbers = Tensor<'float32'>

function noise(shape: Shape): Numbers {
  const rng = random(`noise/${shape.join()}`)
  const length = shape.reduce((product, size) => product * size, 1)
  return tensor(
    Float32Array.from({ length }, () => rng.normal()),
    shape,
  )
}

/** Takes photos of any size. */
function anySize(): Model {
  clearSession()
  const photo = input({ shape: [null, null, 3] })
  const map = conv2d({ filters: 4, kernelSize: 3, name: 'conv' })(photo)
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(globalAveragePooling2d({})(map)) })
}

/** A batch normalization with moving statistics of its own and a dropout, both called in this mode. */
function withTraining(training: boolean | undefined): Model {
  clearSession()
  const options = training === undefined ? {} : { training }
  const x = input({ shape: [4] })
  const norm = batchNormalization()
  const net = model({ inputs: x, outputs: dropout({ rate: 0.5 })(norm(x, options), options) })
  norm.weights[2]!.assign(new Float32Array(4).fill(0.5))
  norm.weights[3]!.assign(new Float32Array(4).fill(4))
  return net
}

const near = (found: Numbers, expected: Numbers): void => {
  expect(found.shape).toEqual(expected.shape)
  found.data.forEach((value, i) => expect(value).toBeCloseTo(expected.data[i]!, 6))
}

/** Counts the compilations of a run. */
async function compilations(work: () => Promise<unknown>): Promise<number> {
  const real = engines.engine()
  let count = 0
  const spy = vi.spyOn(engines, 'engine').mockReturnValue({ ...real, compile: (...args) => (count++, real.compile(...args)) })
  await work()
  spy.mockRestore()
  return count
}

/** Two pixels below zero in a row, padded by one: windows over zeros and pixels, and one whole window of zeros where it is small. */
describe('pooling over a padding counts its zeros', () => {
  const { maxPooling2d, averagePooling2d } = layers
  const each = { strides: 1 } as const
  it.each([
    { title: 'maximum', pool: maxPooling2d({ poolSize: 2, ...each }), expected: [0, 0, 0, 0, 0, 0] },
    { title: 'maximum of one pixel', pool: maxPooling2d({ poolSize: 1, ...each }), expected: [0, 0, 0, 0, 0, -4, -8, 0, 0, 0, 0, 0] },
    { title: 'mean', pool: averagePooling2d({ poolSize: 2, ...each }), expected: [-1, -3, -2, -1, -3, -2] },
    { title: 'mean of one pixel', pool: averagePooling2d({ poolSize: 1, ...each }), expected: [0, 0, 0, 0, 0, -4, -8, 0, 0, 0, 0, 0] },
    {
      title: 'mean that does not count a padding of its own',
      pool: averagePooling2d({ poolSize: 2, ...each, padding: 'same' }),
      expected: [-1, -3, -2, 0, -1, -3, -2, 0, 0, 0, 0, 0],
    },
  ])('$title', async ({ pool, expected }) => {
    const pixels = input({ shape: [1, 2, 1] })
    const net = model({ inputs: pixels, outputs: pool(layers.zeroPadding2d()(pixels)) })
    expect(Array.from((await net.predict(tensor([-4, -8], [1, 1, 2, 1]))).data, (x) => x + 0)).toEqual(expected)
  })
})

describe('predict', () => {
  it.each([1, 2, 4, 5, 7, 100])('gives the same for batches of %i', async (batchSize) => {
    const net = anySize()
    const x = noise([7, 6, 5, 3])
    near(await net.predict(x, { batchSize }), await net.predict(x, { batchSize: 7 }))
    for (let i = 0; i < 7; i++) near(await net.predict(rows(x, i, i + 1)), rows(await net.predict(x, { batchSize }), i, i + 1))
    await net.dispose()
  })

  it.each([undefined, true, false])(
    'runs in inference mode where calls have training: %s, and so do evaluate and the exported graph',
    async (training) => {
      const net = withTraining(training)
      const x = noise([3, 4])
      // Keras 3.15: moving statistics (x − 0.5) / √(4 + 0.001), and nothing is dropped, whatever the calls say.
      near(await net.predict(x), { ...x, data: x.data.map((value) => (value - 0.5) / Math.sqrt(4.001)) })
      const graph = onnxGraph(net)
      expect(graph.inputs).toHaveLength(1)
      expect(graph.nodes.flatMap(({ op, attributes }) => (op === 'BatchNormalization' ? [attributes] : []))).toMatchObject([
        { training_mode: 0 },
      ])
      net.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      expect((await net.evaluate(x, await net.predict(x)))['loss']).toBeCloseTo(0, 6)
      await net.dispose()
    },
  )

  it('computes convolutions a few photos at a time and a large dense kernel for all of them', async () => {
    clearSession()
    const photo = input({ shape: [4, 4, 1] })
    const map = conv2d({ filters: 256, kernelSize: 1, name: 'conv' })(photo)
    const net = model({ inputs: photo, outputs: dense({ units: 4096, name: 'large' })(flatten()(map)) })
    const x = noise([5, 4, 4, 1])
    const sizes: number[] = []
    const real = engines.engine()
    const spy = vi.spyOn(engines, 'engine').mockReturnValue({
      ...real,
      async compile(...args) {
        const program = await real.compile(...args)
        return { ...program, run: (feeds) => (sizes.push([...feeds.values()][0]!.shape[0]!), program.run(feeds)) }
      },
    })
    const found = await net.predict(x, { batchSize: 2 })
    expect(sizes).toEqual([2, 2, 1, 5])
    spy.mockRestore()
    const alone = joinRows(await Promise.all([0, 1, 2, 3, 4].map((i) => net.predict(rows(x, i, i + 1)))))
    // 4,096 products added up in another order.
    found.data.forEach((value, i) => expect(value).toBeCloseTo(alone.data[i]!, 5))
    await net.dispose()
  })

  it('takes photos of one size after another', async () => {
    const net = anySize()
    const [small, large] = [noise([2, 5, 5, 3]), noise([3, 9, 7, 3])]
    const first = await net.predict(small)
    expect((await net.predict(large)).shape).toEqual([3, 3])
    expect(await net.predict(small)).toEqual(first)
    await net.dispose()
  })

  it('compiles once for one size and one set of weights', async () => {
    const net = anySize()
    const x = noise([5, 6, 6, 3])
    const twice = async (): Promise<void> => {
      await net.predict(x)
      await net.predict(rows(x, 0, 1))
    }
    expect(await compilations(twice)).toBe(1)
    expect(await compilations(twice)).toBe(0)
    net.getLayer('head').weights[1]!.assign([1, 2, 3])
    expect(await compilations(twice)).toBe(1)
    expect(await compilations(() => net.predict(noise([1, 7, 6, 3])))).toBe(1)
    await net.dispose()
    expect(await compilations(twice)).toBe(1)
    await net.dispose()
  })

  it('uses assigned weights', async () => {
    const net = anySize()
    const x = noise([1, 6, 6, 3])
    await net.predict(x)
    net.getLayer('head').weights[0]!.assign(new Float32Array(12))
    net.getLayer('head').weights[1]!.assign([0, 0, Math.log(2)])
    near(await net.predict(x), tensor([0.25, 0.25, 0.5], [1, 3]))
    await net.dispose()
  })

  it('keeps calls apart that are made at once', async () => {
    const net = anySize()
    const inputs = [noise([2, 5, 5, 3]), noise([3, 9, 7, 3]), noise([4, 5, 5, 3]), noise([1, 8, 8, 3])]
    const alone: Numbers[] = []
    for (const x of inputs) alone.push(await net.predict(x))
    const refused = net.predict(zeros([0, 5, 5, 3]))
    const together = Promise.all(inputs.map((x) => net.predict(x)))
    await expect(refused).rejects.toMatchObject({ code: 'SHAPE' })
    expect(await together).toEqual(alone)
    await net.dispose()
  })

  it('gives answers that later calls leave as they are', async () => {
    const net = anySize()
    const first = await net.predict(noise([1, 6, 6, 3]))
    const copy = [...first.data]
    await net.predict(noise([4, 6, 6, 3]))
    expect([...first.data]).toEqual(copy)
    await net.dispose()
  })
})

describe('predictAll', () => {
  it('takes several inputs and gives several outputs', async () => {
    clearSession()
    const [a, b] = [input({ shape: [3] }), input({ shape: [3] })]
    const sum = add({})([a, b])
    const net = model({ inputs: [a, b], outputs: [sum, dense({ units: 2, name: 'd' })(sum)] })
    net.getLayer('d').weights[0]!.assign([1, 0, 0, 1, 0, 0])
    const [x, y] = [tensor([1, 2, 3, 4, 5, 6], [2, 3]), tensor([10, 20, 30, 40, 50, 60], [2, 3])]
    const [first, second] = await net.predictAll([x, y], { batchSize: 1 })
    expect([...first!.data]).toEqual([11, 22, 33, 44, 55, 66])
    expect([...second!.data]).toEqual([11, 22, 44, 55])
    await expect(net.predictAll([x])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('found 1 inputs, expected 2') as string,
    })
    await expect(net.predictAll([x, rows(y, 0, 1)])).rejects.toMatchObject({ code: 'SHAPE' })
    await net.dispose()
  })

  it('of chosen tensors gives what lies inside the model', async () => {
    const net = anySize()
    const x = noise([3, 6, 5, 3])
    const predictor = new Predictor(net, [net.getLayer('conv').output])
    const [map] = await predictor.run([x])
    expect(map!.shape).toEqual([3, 4, 3, 4])
    await predictor.dispose()
  })
})

describe('what cannot be predicted', () => {
  it.each([
    ['nothing', zeros([0, 8, 8, 3]), {}, 'SHAPE', /has no samples/],
    ['another number of channels', zeros([1, 8, 8, 4]), {}, 'SHAPE', /\[null,8,8,4\], expected \[null,null,null,3\]/],
    ['a photo smaller than the kernel', zeros([1, 2, 8, 3]), {}, 'SHAPE', /Conv/],
    ['batches of nothing', zeros([1, 8, 8, 3]), { batchSize: 0 }, 'USAGE', /batchSize: found 0/],
    ['batches of a half', zeros([1, 8, 8, 3]), { batchSize: 1.5 }, 'USAGE', /batchSize: found 1.5/],
    [
      'bytes',
      { ...zeros([1, 8, 8, 3]), data: new Uint8Array(192), dtype: 'uint8' } as never,
      {},
      'USAGE',
      /"uint8" \(Uint8Array\), expected "float32"/,
    ],
    [
      'bytes that are called floats',
      { ...zeros([1, 8, 8, 3]), data: new Uint8Array(192) } as never,
      {},
      'USAGE',
      /"float32" \(Uint8Array\)/,
    ],
    ['a plain array', { ...zeros([1, 8, 8, 3]), data: Array(192).fill(0) } as never, {}, 'USAGE', /"float32" \(Array\)/],
    ['numbers of no type', { data: new Float32Array(192), shape: [1, 8, 8, 3] } as never, {}, 'USAGE', /undefined \(Float32Array\)/],
    ['numbers that do not fill the shape', { ...zeros([1, 8, 8, 3]), data: new Float32Array(5) }, {}, 'SHAPE', /5 numbers/],
  ] as const)('%s', async (...[, x, options, code, message]) => {
    await expect(anySize().predict(x, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })
})

it.each(['float32', 'float16'] as const)('an ONNX file in %s has every output, also those with the same numbers', (precision) => {
  clearSession()
  const x = input({ shape: [3] })
  const y = dense({ units: 2 })(x)
  const net = model({ inputs: x, outputs: [y, dropout({ rate: 0.5 })(y), dense({ units: 4 })(y), y] })
  const { outputs } = readOnnx(writeOnnx(onnxGraph(net, { precision })).bytes, 'the file')
  expect(outputs.map(({ shape }) => shape[1])).toEqual([2, 2, 4, 2])
  expect(new Set(outputs.map(({ name }) => name)).size).toBe(4)
})

it('joinRows joins along the first axis', () => {
  expect(joinRows([tensor([1, 2], [1, 2]), tensor([3, 4, 5, 6], [2, 2])])).toEqual(tensor([1, 2, 3, 4, 5, 6], [3, 2]))
  expect(() => joinRows([])).toThrow('there are none')
})

it('predict takes one photo without a batch axis', async () => {
  const x = input({ shape: [4, 4, 3] })
  const m = model({ inputs: x, outputs: globalAveragePooling2d()(x) })
  const photo = { data: new Float32Array(48).fill(2), shape: [4, 4, 3], dtype: 'float32' as const }
  expect(await m.predict(photo)).toMatchObject({ shape: [1, 3], data: Float32Array.of(2, 2, 2) })
  await m.dispose()
})
