/** @file Features do not depend on which photos are computed together, and what is stored of them is known by how they are computed. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as layers from '../layers/index.ts'
import { clearSession, conv2d, dense, flatten, globalAveragePooling2d, input, type SymbolicTensor } from '../layers/index.ts'
import { graphHash } from '../graph/index.ts'
import { rows } from '../tensor/index.ts'
import { compileModel } from './compile.ts'
import { useByteTrunk } from './int8/byte-trunk.ts'
import { makeByteTrunk } from './int8/make-byte-trunk.ts'
import { model } from './model.ts'
import { photos } from './small.cases.ts'
import { trunkOf } from './trunk.ts'

const { x } = photos(17)
const photo = [8, 8, 3]
afterEach(() => vi.unstubAllEnvs())

describe.each(['float32', 'int8'])('features in %s are the same bits with other photos missing', (precision) => {
  it.each<readonly [string, (photo: SymbolicTensor) => SymbolicTensor]>([
    ['means over pictures that do not fill vectors', (at) => globalAveragePooling2d()(conv2d({ filters: 7, kernelSize: 4 })(at))],
    ['means over pictures that fill vectors', (at) => globalAveragePooling2d()(conv2d({ filters: 16, kernelSize: 3 })(at))],
    [
      'means over the photos themselves',
      (at) => flatten()(conv2d({ filters: 16, kernelSize: 1 })(globalAveragePooling2d({ keepdims: true })(at))),
    ],
    ['softplus', (at) => flatten()(conv2d({ filters: 7, kernelSize: 2, activation: 'softplus' })(at))],
    ['a dense layer', (at) => dense({ units: 5, activation: 'tanh' })(flatten()(conv2d({ filters: 7, kernelSize: 3 })(at)))],
  ])('%s', async (_name, body) => {
    clearSession()
    const at = input({ shape: photo })
    const net = model({ inputs: at, outputs: dense({ units: 3, activation: 'softmax', name: 'last' })(body(at)) })
    for (const layer of net.layers) layer.trainable = layer.name === 'last'
    const compiled = compileModel(net, { loss: 'categoricalCrossentropy' })
    if (precision === 'int8') {
      const one = Array.from({ length: 6 }, (_, i) => rows(x, i, i + 1))
      const { float } = trunkOf(net, compiled, photo)
      useByteTrunk(net, await makeByteTrunk(float!, { calibration: one.slice(2), comparison: one.slice(0, 2) }))
    }
    const alone = trunkOf(net, compiled, photo)
    const computed = async (begin: number, trunk = alone): Promise<number[][]> => {
      const found: number[][] = []
      for (let from = begin; from < 17; from += trunk.batch) {
        const [features] = await trunk.run(rows(x, from, Math.min(17, from + trunk.batch)))
        for (let i = 0; i < features!.shape[0]!; i++) found.push([...rows(features!, i, i + 1).data])
      }
      return found
    }
    const all = await computed(0)
    for (const missing of [1, 2, 3, 5, 16]) expect(await computed(missing)).toEqual(all.slice(missing))
    await alone.dispose()
    // Nor on runs that go on side by side, which take other numbers of photos.
    vi.stubEnv('ROOTSTOCK_THREADS', '2')
    const beside = trunkOf(net, compiled, photo)
    expect(await beside.widen(1000)).toBe(2)
    expect(await computed(0, beside)).toEqual(all)
    await beside.dispose()
  })
})

it.each<readonly [string, boolean, string, (at: SymbolicTensor) => SymbolicTensor]>([
  ['a maximum of padded numbers of both signs', false, 'linear', layers.maxPooling2d()],
  ['a mean of padded numbers', false, 'relu', layers.averagePooling2d()],
  ['a maximum of padded numbers from zero on', true, 'relu', layers.maxPooling2d()],
])('features stored under an older version are those of now: %s', (_name, isSame, activation, pool) => {
  clearSession()
  const at = input({ shape: photo })
  const padded = layers.zeroPadding2d({ padding: 1 })(conv2d({ filters: 4, kernelSize: 3, activation })(at))
  const net = model({ inputs: at, outputs: dense({ units: 3, name: 'last' })(flatten()(pool(padded))) })
  for (const layer of net.layers) layer.trainable = layer.name === 'last'
  const trunk = trunkOf(net, compileModel(net, { loss: 'mse' }), photo)
  // Older versions kept features under the hash of the graph, and zeros in front of a pool were not read as zeros.
  expect(trunk.hash() === graphHash(trunk.float!)).toBe(isSame)
})
