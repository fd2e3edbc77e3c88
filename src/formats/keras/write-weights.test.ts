/** @file Writing weight files and reading them back; that Keras loads them is checked by scripts/check-weights-with-keras.py. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { tensor, type Tensor } from '../../tensor/index.ts'
import { openHdf5, openWeightFile, withHdf5, writeWeightsH5 } from './index.ts'
import type { SavedLayer } from './index.ts'
import { slices } from './slices.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-weights-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const counting = (...shape: number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i - 7.5),
    shape,
  )
const weight = (name: string, of: Tensor<'float32'>) => ({ name, shape: of.shape, tensor: of })
const layers: SavedLayer[] = [
  { name: 'input', className: 'InputLayer', weights: [] },
  { name: 'stem', className: 'Conv2D', weights: [weight('kernel', counting(3, 3, 3, 8)), weight('bias', counting(8))] },
  { name: 'next', className: 'Conv2D', weights: [weight('kernel', counting(1, 1, 8, 16))] },
  // Larger than one slice of the writer.
  { name: 'head', className: 'Dense', weights: [weight('kernel', counting(1500, 1000))] },
]

describe.each(['a.weights.h5', 'a.h5'])('writeWeightsH5 to %s', (name) => {
  test('gives back every value, bit for bit', async () => {
    const path = join(folder, name)
    await writeWeightsH5(path, layers)
    const file = openWeightFile(path)
    const found = new Map(file.layers.map((layer) => [layer.name, layer.weights.map(({ read }) => read())]))
    for (const { name: layer, weights } of layers.filter((candidate) => candidate.weights.length > 0)) {
      const tensors = found.get(layer) ?? []
      expect(tensors.map(({ shape }) => shape)).toEqual(weights.map((weight) => weight.tensor.shape))
      weights.forEach((weight, i) => expect(bitsOf(tensors[i]).equals(bitsOf(weight.tensor))).toBe(true))
    }
    expect(found.size).toBe(3)
    file.close()
  })
})

const bitsOf = (value?: { data: Float32Array }): Buffer => Buffer.from(value?.data.buffer as ArrayBuffer)

test('writeWeightsH5 lays out .weights.h5 as Keras 3 does', async () => {
  const path = join(folder, 'b.weights.h5')
  const optimizer = {
    name: 'adam',
    variables: [
      { name: 'adam/iteration', shape: [], tensor: { data: BigInt64Array.of(7n), shape: [], dtype: 'int64' as const } },
      weight('adam/learning_rate', tensor([0.5], [])),
    ],
  }
  await writeWeightsH5(path, layers, { modelName: 'mine', optimizer })
  await withHdf5(path, (file) => {
    expect([...file.root.children.keys()].sort()).toEqual(['layers', 'optimizer', 'vars'])
    expect([...(file.group('layers')?.children.keys() ?? [])].sort()).toEqual(['conv2d', 'conv2d_1', 'dense', 'input_layer'])
    expect(file.attribute('layers/conv2d_1/vars', 'name')).toBe('next')
    expect(file.attribute('layers/input_layer/vars', 'name')).toBe('input')
    expect(file.attribute('vars', 'name')).toBe('mine')
    expect(file.attribute('optimizer/vars', 'name')).toBe('adam')
    expect(file.dataset('optimizer/vars/0')).toMatchObject({ shape: [], type: { kind: 'integer', bytes: 8 } })
  })
  const file = openWeightFile(path)
  expect(file.optimizer.map(({ read }) => [...read().data])).toEqual([[7], [0.5]])
  file.close()
})

test('writeWeightsH5 lays out .h5 as Keras 2 does', async () => {
  const path = join(folder, 'c.h5')
  await writeWeightsH5(path, layers)
  const file = openHdf5(path)
  expect(file.attribute('/', 'layer_names')).toEqual(['input', 'stem', 'next', 'head'])
  expect(file.attribute('stem', 'weight_names')).toEqual(['stem/kernel', 'stem/bias'])
  expect(file.attribute('input', 'weight_names')).toEqual([])
  file.close()
})

test('writeWeightsH5 leaves nothing behind when it fails', async () => {
  await expect(writeWeightsH5(join(folder, 'a.bin'), layers)).rejects.toMatchObject({ code: 'USAGE' })
  writeFileSync(join(folder, 'file'), '')
  await expect(writeWeightsH5(join(folder, 'file', 'a.h5'), layers)).rejects.toMatchObject({ code: 'FILE' })
  const twice = [layers[1], layers[1]].filter((layer) => layer !== undefined)
  await expect(writeWeightsH5(join(folder, 'd.h5'), twice)).rejects.toMatchObject({ code: 'FORMAT' })
  expect(existsSync(join(folder, 'd.h5'))).toBe(false)
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test.each([
  [[], 4],
  [[5], 2],
  [[3, 4], 5],
  [[2, 3, 4], 5],
  [[2, 3, 4], 1],
  [[4, 1, 6], 100],
  [[0, 3], 4],
] as [number[], number][])('slices of %j by %i cover the array in order', (shape, most) => {
  const total = shape.reduce((product, size) => product * size, 1)
  let next = 0
  for (const { at, length, count, offset } of slices(shape, most)) {
    expect(at).toBe(next)
    expect(length).toBeLessThanOrEqual(most)
    expect(Number(count.reduce((product, size) => product * size, 1n))).toBe(length)
    expect(offset.reduce((place, start, axis) => place * (shape[axis] ?? 1) + Number(start), 0)).toBe(at)
    next = at + length
  }
  expect(next).toBe(total)
})

test('writeWeightsH5 keeps many layers in a form that our own reader and older ones know', async () => {
  const many = Array.from({ length: 40 }, (_, i) => ({
    name: `layer_${i}`,
    className: `Kind${String.fromCharCode(65 + (i % 20))}`,
    weights: [weight('kernel', tensor([i, -i]))],
  }))
  const path = join(folder, 'many.weights.h5')
  await writeWeightsH5(path, many)
  const file = openWeightFile(path)
  const sums = file.layers.map(({ weights }) => weights[0]!.read().data[0]!)
  file.close()
  expect([...sums].sort((a, b) => a - b)).toEqual(many.map((_, i) => i))
})
