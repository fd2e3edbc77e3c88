/** @file Files that Keras 2 wrote with other backends than TensorFlow. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openWeightFile } from './index.ts'

test("turns the kernels of Theano, which slide the other way round, as Keras 2 did; no other backend's", () => {
  const bytes = readFileSync('test/golden/keras2-half-frozen.h5')
  const valuesOf = (backend: string): Float32Array[] => {
    const text = bytes.toString('latin1').replaceAll('tensorflow', backend.padEnd('tensorflow'.length, '\0'))
    const file = openWeightFile(Buffer.from(text, 'latin1'))
    return file.layers.flatMap(({ weights }) => weights.map(({ read }) => read().data))
  }
  const [plain, turned] = [valuesOf('tensorflow'), valuesOf('theano')]
  expect(valuesOf('cntk')).toEqual(plain)
  const pixels = (kernel: Float32Array): string[] => Array.from({ length: 9 }, (_, i) => kernel.subarray(16 * i, 16 * i + 16).join())
  const kernels = plain.map(({ length }) => length === 3 * 3 * 4 * 4)
  expect(kernels.filter(Boolean)).toHaveLength(2)
  plain.forEach((values, i) => {
    if (kernels[i]) expect(pixels(turned[i]!)).toEqual(pixels(values).reverse())
    else expect(turned[i]).toEqual(values)
  })
})
