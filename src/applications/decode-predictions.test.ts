import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { uniform } from '../../test/golden/formula.ts'
import { tensor, zeros } from '../tensor/index.ts'
import { decodePredictions } from './decode-predictions.ts'
import { imagenetLabels } from './labels.ts'

const golden = JSON.parse(readFileSync(new URL('../../test/golden/numerics.json', import.meta.url), 'utf8')) as {
  decodeTop3Index: number[][]
}

test("names the classes that Keras's decode_predictions names", () => {
  const scores = tensor(Float32Array.from(uniform('decode', 2000)), [2, 1000])
  const decoded = decodePredictions(scores, { top: 3 })
  expect(decoded.map((row) => row.map(({ wnid, name }) => ({ wnid, name })))).toEqual(
    golden.decodeTop3Index.map((row) => row.map((index) => imagenetLabels[index])),
  )
  expect(decoded.map((row) => row.map(({ score }) => score))).toEqual(
    golden.decodeTop3Index.map((row, i) => row.map((index) => scores.data[i * 1000 + index])),
  )
})

test('gives five classes unless told otherwise, and keeps the two cranes apart', () => {
  const scores = zeros([1, 1000])
  scores.data[134] = 2
  scores.data[517] = 1
  const [row = []] = decodePredictions(scores)
  expect(row).toHaveLength(5)
  expect(row.slice(0, 2)).toEqual([
    { wnid: 'n02012849', name: 'crane', score: 2 },
    { wnid: 'n03126707', name: 'crane', score: 1 },
  ])
})

test('puts equal scores in falling order of index, and NaN first', () => {
  const scores = zeros([1, 1000])
  scores.data[7] = NaN
  scores.data[3] = Infinity
  const [row = []] = decodePredictions(scores, { top: 4 })
  expect(row.map(({ wnid }) => wnid)).toEqual([7, 3, 999, 998].map((index) => imagenetLabels[index]?.wnid))
})

describe('refuses', () => {
  test.each([
    ['ten classes', [2, 10]],
    ['one axis', [1000]],
    ['three axes', [1, 1, 1000]],
  ])('%s', (_, shape) => {
    expect(() => decodePredictions(zeros(shape))).toThrow(`float32 [${shape.join(',')}], expected float32 [n,1000]`)
  })

  test.each([0, -1, 2.5, 1001, NaN])('top = %s', (top) => {
    expect(() => decodePredictions(zeros([1, 1000]), { top })).toThrow(`top is ${top}, expected a whole number from 1 to 1000`)
  })

  test.each([
    ['a promise', Promise.resolve(zeros([1, 1000]))],
    ['nothing', undefined],
  ])('%s', (found, given) => {
    expect(() => decodePredictions(given as never)).toThrow(`found ${found}, expected a tensor { data, shape, dtype }`)
  })

  test('values that are not float32', () => {
    expect(() => decodePredictions({ data: new Uint8Array(1000), shape: [1, 1000], dtype: 'uint8' })).toThrow('uint8 [1,1000]')
  })
})
