import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { goldens, values } from './golden.cases.ts'
import { histogramBuckets } from './histogram.ts'

const many = values([5000]).data
const inputs: Readonly<Record<string, Float32Array>> = {
  many,
  tenth: many.map((value) => roundHalfEven(value * 10) / 10),
  tiny: many.map((value) => value * Math.fround(1e-20)),
}

describe('histogramBuckets', () => {
  it.each(goldens.histograms)('counts as TensorFlow: $name', ({ name, values: listed, buckets }) => {
    const input = listed ? Float32Array.from(listed) : inputs[name]
    expect(rows(histogramBuckets(input!))).toEqual(buckets)
  })

  it('covers every golden', () => expect(goldens.histograms.length).toBe(6))

  it('is all zero without numbers', () => expect(rows(histogramBuckets([])).flat()).toEqual(new Array(90).fill(0)))

  it('leaves out what is not finite', () =>
    expect(histogramBuckets([NaN, 1, Infinity, 3, -Infinity], 2)).toEqual(Float64Array.of(1, 2, 1, 2, 3, 1)))
})

it('puts each number where its distance from the least, divided by the width, says', () => {
  const floats = fc.array(fc.float({ noDefaultInfinity: true, noNaN: true }), { minLength: 2, maxLength: 200 })
  const whole = fc.array(fc.integer({ min: -60, max: 60 }), { minLength: 2, maxLength: 200 })
  fc.assert(
    fc.property(fc.oneof(floats, whole), fc.integer({ min: 1, max: 40 }), (values, count) => {
      const [least, most] = [Math.min(...values), Math.max(...values)]
      fc.pre(most > least && (most - least) / count > 0)
      const expected = new Array<number>(count).fill(0)
      for (const value of values) expected[Math.min(count - 1, Math.floor((value - least) / ((most - least) / count)))]! += 1
      expect(rows(histogramBuckets(values, count)).map(([, , found]) => found)).toEqual(expected)
    }),
  )
})

function rows(buckets: Float64Array): number[][] {
  return Array.from({ length: buckets.length / 3 }, (_, i) => [...buckets.subarray(i * 3, i * 3 + 3)])
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  if (value - low !== 0.5) return Math.round(value)
  return low % 2 === 0 ? low : low + 1
}
