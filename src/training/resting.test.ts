/** @file Frozen weights of large networks wait on disk while a head is trained; nothing but memory tells. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it, vi } from 'vitest'
import { clearSession, conv2d, dense, depthwiseConv2d, globalAveragePooling2d, input } from '../layers/index.ts'
import { collectGarbage, random, tensor } from '../tensor/index.ts'
import { model, type Model } from './model.ts'
import { sgd } from './optimizers/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-resting-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.unstubAllEnvs())

/** 34 MiB of kernels, turned for the graph, a depthwise one, and a head that is large enough to lie among them. */
function net(): Model {
  clearSession()
  const photo = input({ shape: [4, 4, 3] })
  const few = conv2d({ filters: 512, kernelSize: 1, activation: 'relu', name: 'few' })(photo)
  const deep = depthwiseConv2d({ kernelSize: 3, padding: 'same', name: 'deep' })(few)
  const many = conv2d({ filters: 960, kernelSize: 3, padding: 'same', activation: 'relu', name: 'many' })(deep)
  const more = conv2d({ filters: 512, kernelSize: 3, activation: 'relu', name: 'more' })(many)
  const hidden = dense({ units: 64, activation: 'relu', name: 'hidden' })(globalAveragePooling2d()(more))
  return model({ inputs: photo, outputs: dense({ units: 2, activation: 'softmax', name: 'head' })(hidden) })
}

const isBase = (name: string): boolean => name !== 'hidden' && name !== 'head'

function freeze(net: Model, isFrozen: (name: string) => boolean): void {
  for (const layer of net.layers) layer.trainable = !isFrozen(layer.name)
  net.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'categoricalCrossentropy' })
}

const rng = random('resting')
const x = tensor(
  Float32Array.from({ length: 8 * 48 }, () => rng.uniform()),
  [8, 4, 4, 3],
)
const y = tensor(
  Array.from({ length: 16 }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  [8, 2],
)

// Short, since a difference is printed.
const digest = (bytes: Uint8Array | Float32Array): string => createHash('sha256').update(bytes).digest('hex')
const numbersOf = ({ weights }: Model): string[] => weights.map((weight) => `${weight.path} ${digest(weight.value().data)}`)
const restingIn = ({ weights }: Model): string[] => weights.filter(({ isResting }) => isResting).map(({ path }) => path)

/** A head, then the last kernel as well. */
async function train(cache: string): Promise<{ resting: string[][]; numbers: unknown[] }> {
  vi.stubEnv('ROOTSTOCK_CACHE', cache)
  const trained = net()
  const path = join(folder, 'saved.weights.h5')
  freeze(trained, isBase)
  await trained.fit(x, y, { epochs: 2, batchSize: 4, validationData: [x, y] })
  const resting = [restingIn(trained)]
  const numbers: unknown[] = [numbersOf(trained), [...(await trained.predict(x)).data]]
  await trained.saveWeights(path)
  numbers.push(digest(readFileSync(path)))
  freeze(trained, (name) => isBase(name) && name !== 'more')
  await trained.fit(x, y, { batchSize: 4 })
  resting.push(restingIn(trained))
  numbers.push(numbersOf(trained), [...(await trained.predict(x)).data])
  await trained.saveWeights(path)
  numbers.push(digest(readFileSync(path)))
  await trained.dispose()
  return { resting, numbers }
}

it('a training gives the same bits, before and after the weights are unfrozen', async () => {
  const cache = join(folder, 'cache')
  const onDisk = await train(cache)
  expect(onDisk.resting).toEqual([
    ['deep/kernel', 'many/kernel', 'more/kernel'],
    ['deep/kernel', 'many/kernel'],
  ])
  expect(readdirSync(cache)).toEqual([])
  writeFileSync(join(folder, 'file'), '')
  const inMemory = await train(join(folder, 'file', 'cache'))
  expect(inMemory.resting).toEqual([[], []])
  expect(onDisk.numbers).toEqual(inMemory.numbers)
})

it('weights that wait on disk stay there when a file brings the same numbers', async () => {
  vi.stubEnv('ROOTSTOCK_CACHE', join(folder, 'cache'))
  const path = join(folder, 'same.weights.h5')
  const trained = net()
  freeze(trained, isBase)
  await trained.fit(x, y, { batchSize: 4 })
  await trained.saveWeights(path)
  const [numbers, resting] = [numbersOf(trained), restingIn(trained)]
  expect(resting).toEqual(['deep/kernel', 'many/kernel', 'more/kernel'])
  await trained.loadWeights(path)
  expect([numbersOf(trained), restingIn(trained)]).toEqual([numbers, resting])
  const other = trained.weights.find((weight) => weight.path === 'more/kernel')!
  const changed = other.value()
  changed.data[changed.data.length - 1]! += 1
  other.assign(changed)
  expect(restingIn(trained)).toEqual(['deep/kernel', 'many/kernel'])
  await trained.loadWeights(path)
  expect([numbersOf(trained), restingIn(trained)]).toEqual([numbers, ['deep/kernel', 'many/kernel']])
  await trained.dispose()
})

it('memory is given back, also where a head shared it', async () => {
  vi.stubEnv('ROOTSTOCK_CACHE', join(folder, 'cache'))
  const path = join(folder, 'loaded.weights.h5')
  await net().saveWeights(path)
  const loaded = net()
  await loaded.loadWeights(path)
  const buffer = (path: string): ArrayBufferLike | undefined =>
    loaded.weights.find((weight) => weight.path === path)?.graphValue().data.buffer
  expect(buffer('hidden/kernel')).toBe(buffer('many/kernel'))
  freeze(loaded, isBase)
  const megabytes = (): number => {
    collectGarbage()
    return process.memoryUsage().arrayBuffers / 2 ** 20
  }
  const before = megabytes()
  let during = 0
  await loaded.fit(x, y, { callbacks: [{ name: 'scales', onEpochEnd: () => void (during = megabytes()) }] })
  expect(before - during).toBeGreaterThan(32)
  await loaded.dispose()
})
