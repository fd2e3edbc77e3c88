/** @file Training on an 8-bit trunk: what it agrees with, what falls back, and that a model predicts as it was trained. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Dataset } from '../../data/index.ts'
import { graphHash, verify } from '../../graph/index.ts'
import * as layers from '../../layers/index.ts'
import { lower } from '../../models/index.ts'
import { random, rows, tensor, type Tensor } from '../../tensor/index.ts'
import { model, optimizers, type FitOptions, type Model, type TrainingEvent } from '../index.ts'
import { byteTrunkOf } from './byte-trunk.ts'
import { createHistogram } from './histogram.ts'
import { readByteTrunk, writeByteTrunk } from './trunk-file.ts'

const folder = await mkdtemp(join(tmpdir(), 'rootstock-int8-'))
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())
beforeEach(() => {
  layers.clearSession()
  layers.setRandomSeed(1)
})

/** Two frozen blocks and a head; `pool` is the name of the layer whose output is stored. */
function classifier(frozen = true, pool = 'pool'): Model {
  const input = layers.input({ shape: [12, 12, 3] })
  let x = layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', name: 'stem' })(input)
  x = layers.batchNormalization({ name: 'bn' })(x)
  x = layers.activation({ activation: 'relu', name: 'relu' })(x)
  x = layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', name: 'block' })(x)
  x = layers.globalAveragePooling2d({ name: pool })(x)
  const net = model({ inputs: input, outputs: layers.dense({ units: 2, activation: 'softmax', name: 'head' })(x) })
  for (const name of frozen ? ['stem', 'bn', 'block'] : []) net.getLayer(name).trainable = false
  net.compile({ optimizer: optimizers.adam({ learningRate: 0.01 }), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return net
}

function photos(count: number): { x: Tensor<'float32'>; y: Tensor<'float32'> } {
  const rng = random('int8')
  const x = Float32Array.from({ length: count * 432 }, (_, i) => rng.normal() + (Math.floor(i / 432) % 2))
  return { x: tensor(x, [count, 12, 12, 3]), y: tensor(Float32Array.from({ length: count * 2 }, (_, i) => Number((i >> 1) % 2 === i % 2)), [count, 2]) } // prettier-ignore
}

async function trained(net: Model, options: FitOptions = {}): Promise<TrainingEvent[]> {
  const { x, y } = photos(30)
  const events: TrainingEvent[] = []
  await net.fit(x, y, { epochs: 2, precision: 'int8', ...options, onEvent: (event) => events.push(event) })
  return events
}

const largestDifference = (a: Tensor<'float32'>, b: Tensor<'float32'>): number =>
  a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0)

describe("fit with precision: 'int8'", () => {
  it('trains on features of 8 bits, says how close they are, and predicts and evaluates with them', async () => {
    const net = classifier()
    const events = await trained(net)
    const { agreement, graph } = byteTrunkOf(net)!
    verify(graph)
    expect(agreement.photos).toEqual({ calibrated: 20, compared: 10 })
    expect(agreement.cosine.mean).toBeGreaterThan(0.999)
    expect(events.find(({ type }) => type === 'message')).toMatchObject({
      by: 'int8',
      message: expect.stringContaining('features as in float32') as string,
    })
    const { x, y } = photos(8)
    const [inInt8, inFloat] = [await net.predict(x), await net.predict(x, { precision: 'fp32' })]
    expect(largestDifference(inInt8, inFloat)).toBeGreaterThan(0)
    expect(largestDifference(inInt8, inFloat)).toBeLessThan(0.02)
    const losses = [await net.evaluate(x, y), await net.evaluate(x, y, { precision: 'fp32' })].map(({ loss }) => loss)
    const lossOf = ({ data }: Tensor<'float32'>): number =>
      y.data.reduce((sum, label, i) => sum - label * Math.log(data[i]!), 0) / y.shape[0]!
    expect(losses[0]).toBeCloseTo(lossOf(inInt8), 5)
    expect(losses[1]).toBeCloseTo(lossOf(inFloat), 5)
    await net.dispose()
  })

  it.each([NaN, Infinity, -Infinity])('answers a photo with one pixel of %d with NaN, and others as before', async (pixel) => {
    const net = classifier()
    await trained(net)
    const { x, y } = photos(4)
    const spoilt = { ...x, data: x.data.map((value, i) => (i === 2 * 432 + 7 ? pixel : value)) }
    const [whole, found] = [await net.predict(x), await net.predict(spoilt)]
    expect([...found.data]).toEqual([...whole.data].map((value, i) => (Math.floor(i / 2) === 2 ? NaN : value)))
    expect((await net.evaluate(spoilt, y))['loss']).toBeNaN()
    await expect(net.fit(spoilt, y, { precision: 'int8' })).rejects.toMatchObject({ code: 'NAN_LOSS' })
    await net.dispose()
  })

  it('computes in float32 again after frozen weights changed, and after fit in fp32', async () => {
    const net = classifier()
    await trained(net)
    const kernel = net.weights.find(({ path }) => path === 'block/kernel')!
    const { x } = photos(4)
    const values = await kernel.read()
    kernel.assign({ ...values, data: values.data.map((value) => value * 0.5) })
    expect(await net.predict(x)).toEqual(await net.predict(x, { precision: 'fp32' }))
    kernel.assign(values)
    expect(await net.predict(x)).not.toEqual(await net.predict(x, { precision: 'fp32' }))
    await trained(net, { precision: 'fp32' })
    expect(byteTrunkOf(net)).toBeUndefined()
    await net.dispose()
  })

  it('goes on in float32 with a warning where nothing is frozen', async () => {
    const net = classifier(false)
    const events = await trained(net, { epochs: 1 })
    expect(events.find(({ type }) => type === 'warning')).toMatchObject({
      by: 'int8',
      message: expect.stringContaining('float32 instead') as string,
    })
    expect(byteTrunkOf(net)).toBeUndefined()
    await net.dispose()
  })

  it('goes on in float32 with a warning where 8 bits are too few', async () => {
    const net = classifier()
    // One channel a million times the others: all of them share 255 steps.
    const gamma = net.weights.find(({ path }) => path === 'bn/gamma')!
    gamma.assign(tensor([1e6, 1, 1, 1, 1, 1, 1, 1]))
    const kernel = net.weights.find(({ path }) => path === 'block/kernel')!
    const values = await kernel.read()
    kernel.assign({ ...values, data: values.data.map((value, i) => (Math.floor(i / 16) % 8 === 0 ? 0 : value)) })
    const events = await trained(net, { epochs: 1 })
    expect(events.find(({ type }) => type === 'warning')).toMatchObject({ message: expect.stringContaining('differ too much') as string })
    expect(byteTrunkOf(net)).toBeUndefined()
    await net.dispose()
  })

  it.each([
    ['frozen layers are dense', 'none of the frozen layers is a convolution', () => layers.dense({ units: 4, name: 'only' })],
    // The first photo alone is so bright that the others become zeros; with the first layer in float32 nothing is left in 8 bits.
    ['the only convolution is kept in float32', 'differ too much', () => layers.conv2d({ filters: 4, kernelSize: 3, name: 'only' })],
  ] as const)('goes on in float32 with a warning where %s', async (_name, reason, only) => {
    const input = layers.input({ shape: [12, 12, 3] })
    const flat = layers.flatten()(only()(input))
    const net = model({ inputs: input, outputs: layers.dense({ units: 2, activation: 'softmax', name: 'head' })(flat) })
    net.getLayer('only').trainable = false
    net.compile({ loss: 'categoricalCrossentropy' })
    const { x, y } = photos(30)
    x.data[0] = 1e20
    const events: TrainingEvent[] = []
    await net.fit(x, y, { precision: 'int8', onEvent: (event) => events.push(event) })
    expect(events.find(({ type }) => type === 'warning')).toMatchObject({ by: 'int8', message: expect.stringContaining(reason) as string })
    expect(byteTrunkOf(net)).toBeUndefined()
    await net.dispose()
  })

  it('refuses another precision, and a stream', async () => {
    const net = classifier()
    await expect(trained(net, { precision: 'int4' as 'int8' })).rejects.toThrow('int4')
    const stream = { async *[Symbol.asyncIterator]() { yield await Promise.resolve(photos(4)) } } // prettier-ignore
    await expect(net.fit(stream, { precision: 'int8' })).rejects.toThrow('from a stream')
    await net.dispose()
  })
})

describe('an 8-bit trunk as a file', () => {
  it('that one model left serves another with other automatic names, in predict too', async () => {
    vi.stubEnv('ROOTSTOCK_CACHE', folder)
    const { x, y } = photos(30)
    const data: Dataset = {
      size: 30,
      classNames: ['a', 'b'],
      labels: Int32Array.from({ length: 30 }, (_, i) => Number(y.data[2 * i] === 0)),
      defaults: { labelMode: 'categorical', shuffle: false, size: [12, 12], preprocessing: 'none' },
      read: (i) => Promise.resolve({ ...rows(x, i, i + 1), shape: [12, 12, 3] }),
      describe: String,
      hash: (i) => Promise.resolve(`photo ${i}`),
    }
    for (const name of ['first', 'second']) {
      const net = classifier(true, name)
      await net.fit(data, { precision: 'int8' })
      expect(await net.predict(x), name).not.toEqual(await net.predict(x, { precision: 'fp32' }))
      await net.dispose()
    }
    expect((await readdir(join(folder, 'int8'))).length).toBe(1)
  })

  it('comes back to the last bit; anything else is refused', async () => {
    const net = classifier()
    await trained(net)
    const path = join(folder, 'trunk.onnx')
    const trunk = byteTrunkOf(net)!
    await writeByteTrunk(path, trunk)
    const found = await readByteTrunk(path)
    expect(graphHash(found.graph)).toBe(graphHash(trunk.graph))
    expect({ ...found, graph: 0 }).toEqual({ ...trunk, graph: 0 })
    const dtypes = new Set([...found.graph.constants.values()].map(({ dtype }) => dtype))
    for (const dtype of ['int8', 'uint8', 'int32', 'float32']) expect(dtypes).toContain(dtype)
    const bytes = await readFile(path)
    // The last bit of the last byte of a scale, of the description, and of the hash itself.
    const scale = [...trunk.graph.constants.values()].find(({ dtype, shape }) => dtype === 'float32' && shape.length === 1)!
    const places = [
      bytes.indexOf(Buffer.from(scale.data.buffer, scale.data.byteOffset, 4)),
      bytes.indexOf('"cosine"') + 20,
      bytes.length - 2,
    ]
    for (const place of places) {
      expect(place).toBeGreaterThan(20)
      const changed = Uint8Array.from(bytes)
      changed[place]! ^= 1
      await writeFile(path, changed)
      await expect(readByteTrunk(path), String(place)).rejects.toMatchObject({ code: 'FORMAT', hint: expect.any(String) as string })
    }
    await writeFile(path, bytes.subarray(0, bytes.length - 40))
    await expect(readByteTrunk(path)).rejects.toThrow('Cannot read')
    await expect(readByteTrunk(join(folder, 'none.onnx'))).rejects.toThrow('Cannot read')
    await net.dispose()
  })
})

describe('createHistogram', () => {
  const seen = createHistogram()
  seen.add(
    Float32Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 0 : (i / 20_000) * 2)),
    { min: 0, max: 2 },
  )
  // Out of the first reach: the bins must grow.
  seen.add(Float32Array.of(-1, 100), { min: -1, max: 100 })

  it('keeps the ends, cuts one of 10,000 and what costs more than it is worth', () => {
    expect(seen.range('minMax')).toEqual({ min: -1, max: 100 })
    expect(seen.range('percentile').max).toBeLessThan(3)
    const { max } = seen.range('squaredError')
    expect(max).toBeGreaterThan(1)
    expect(max).toBeLessThanOrEqual(100)
  })

  it('gives one number a range without width', () => {
    const one = createHistogram()
    one.add(Float32Array.of(0, 0), { min: 0, max: 0 })
    expect(one.range('percentile')).toEqual({ min: 0, max: 0 })
  })
})

describe('real weights', () => {
  const file = '../shared/data/weights/mobilenet_0.25_224/mobilenet_2_5_224_tf_no_top.h5'
  const pictures = '../shared/data/photos/cats-dogs'
  const isHere = existsSync(file) && existsSync(pictures)

  it.skipIf(!isHere)('needs ../shared/data: MobileNet 0.25 agrees with float32', { timeout: 120_000 }, async () => {
    const { application } = await import('../../applications/index.ts')
    const { imageFolder, openDataset } = await import('../../data/index.ts')
    const { quantizeModel } = await import('./quantize-model.ts')
    const net = await application('mobilenet', { weights: file, includeTop: false, pooling: 'avg', alpha: 0.25, inputShape: [224, 224, 3] })
    const dataset = await openDataset(imageFolder(pictures))
    const agreement = await quantizeModel(net, dataset, { how: { size: [224, 224], preprocessing: 'tf' } })
    expect(agreement?.cosine.mean).toBeGreaterThan(0.99)
    const { features } = byteTrunkOf(net)!
    const lowered = lower(net, { training: false })
    expect(features).toEqual([lowered.outputs[0]!.name])
    const photo = await dataset.read(0, { size: [224, 224], preprocessing: 'tf' })
    const x = { ...photo, shape: [1, ...photo.shape] }
    expect(await net.predict(rows(x, 0, 1))).not.toEqual(await net.predict(x, { precision: 'fp32' }))
    await net.dispose()
  })
})
