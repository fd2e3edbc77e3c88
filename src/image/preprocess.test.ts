/** @file Preprocessing against Keras's figures. */
import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { pixels } from '../../test/golden/formula.ts'
import { tensor, type Tensor } from '../tensor/index.ts'
import { preprocess, preprocessModes, preprocessPixels, type PreprocessMode } from './preprocess.ts'

const golden = JSON.parse(readFileSync(new URL('../../test/golden/numerics.json', import.meta.url), 'utf8')) as {
  preprocess: Record<string, number[]>
}
const isCaffe = (network: string): boolean => /^(VGG|ResNet)/.test(network)

describe('preprocess', () => {
  test.each(Object.entries(golden.preprocess))('is exact for %s', (network, expected) => {
    const found = preprocess(pixels('prep', [1, 3, 4, 3]), isCaffe(network) ? 'caffe' : 'tf')
    expect(found.shape).toEqual([1, 3, 4, 3])
    // The figures have nine digits, which name every float32.
    expect([...found.data]).toEqual(expected.map(Math.fround))
  })

  it('covers all six networks', () => {
    expect(Object.keys(golden.preprocess)).toHaveLength(6)
  })

  it.each<[PreprocessMode, number[]]>([
    ['torch', [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]],
    ['tutorial', [1, 0, 0.2]],
    ['none', [255, 0, 51]],
  ])('%s', (mode, expected) => {
    const found = preprocess(tensor([255, 0, 51], [1, 1, 3]), mode)
    expected.forEach((value, i) => expect(found.data[i]).toBeCloseTo(value, 6))
  })

  it('takes values between whole numbers and beyond 255', () => {
    const found = preprocess(tensor([0.5, 300, -1], [1, 1, 3]), 'tf')
    expect([...found.data]).toEqual([0.5 / 127.5 - 1, 300 / 127.5 - 1, -1 / 127.5 - 1].map((value) => expect.closeTo(value, 6) as number))
  })

  it('leaves its input as it is', () => {
    const x = tensor([1, 2, 3], [1, 1, 3])
    for (const mode of ['caffe', 'tf', 'torch', 'tutorial', 'none'] as const) expect(preprocess(x, mode).data).not.toBe(x.data)
    expect([...x.data]).toEqual([1, 2, 3])
  })

  it('refuses another number of channels and another mode', () => {
    expect(() => preprocess(tensor([1, 2, 3, 4], [2, 2]), 'tf')).toThrow(expect.objectContaining({ code: 'SHAPE' }))
    for (const found of [undefined, [1, 2, 3], { data: new Float32Array(3), shape: [1, 2, 3] }])
      expect(() => preprocess(found as unknown as Tensor<'float32'>, 'tf')).toThrow(expect.objectContaining({ code: 'SHAPE' }))
    expect(() => preprocess(tensor([1, 2, 3]), 'tff' as PreprocessMode)).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME' }))
    expect(() => preprocess(tensor([1, 2, 3]), 'toString' as PreprocessMode)).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME' }))
  })
})

describe('preprocessPixels', () => {
  const wide = (width: number): Uint8Array => Uint8Array.from({ length: 2 * width * 3 }, (_, i) => (i * 7) % 256)

  it.each(preprocessModes)('gives the numbers of preprocess for bytes: %s', (mode) => {
    // Four pixels go at a time, and what does not fit into the kernel's memory goes another way.
    for (const width of [1, 2, 383, 384, 600_000]) {
      const bytes = wide(width)
      const expected = preprocess({ data: Float32Array.from(bytes), shape: [2, width, 3], dtype: 'float32' }, mode)
      const { data, ...found } = preprocessPixels({ data: bytes, width, height: 2 }, mode)
      expect(found).toEqual({ shape: [2, width, 3], dtype: 'float32' })
      expect(Buffer.compare(new Uint8Array(data.buffer), new Uint8Array(expected.data.buffer))).toBe(0)
    }
  })

  it('puts them where it is told to, if they fit there', () => {
    const given = { data: wide(5), width: 5, height: 2 }
    const whole = new Float32Array(40).fill(7)
    const into = whole.subarray(5, 35)
    expect(preprocessPixels(given, 'tf', into).data).toBe(into)
    expect(into).toEqual(preprocessPixels(given, 'tf').data)
    expect([...whole.subarray(0, 5), ...whole.subarray(35)]).toEqual(Array.from({ length: 10 }, () => 7))
    expect(preprocessPixels(given, 'tf', whole).data).not.toBe(whole)
  })
})
