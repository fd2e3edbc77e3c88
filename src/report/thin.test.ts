import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { smooth, thin } from './thin.ts'

describe('thin', () => {
  test('keeps short series whole', () => {
    expect(thin([3, NaN, 1], 2)).toEqual([
      [0, 3],
      [1, NaN],
      [2, 1],
    ])
  })

  test('keeps a single spike and a single gap among 4,000 values', () => {
    const values = Array.from({ length: 4000 }, (_, i) => (i === 1234 ? 99 : i === 2345 ? NaN : 1))
    const points = thin(values, 200)
    expect(points.length).toBeLessThanOrEqual(1000)
    expect(points).toContainEqual([1234, 99])
    expect(points).toContainEqual([2345, NaN])
  })

  test('keeps the ends, the extremes and the order of any series', () => {
    const series = fc.array(fc.oneof(fc.double(), fc.constant(NaN)), { minLength: 1, maxLength: 500 })
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 50 }), (values, columns) => {
        const points = thin(values, columns)
        const places = points.map(([i]) => i)
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b))
        expect([places[0], places.at(-1)]).toEqual([0, values.length - 1])
        const finite = values.filter(Number.isFinite)
        const kept = points.map(([, value]) => value).filter(Number.isFinite)
        expect([Math.min(...kept), Math.max(...kept)]).toEqual([Math.min(...finite), Math.max(...finite)])
      }),
    )
  })
})

describe('smooth', () => {
  test('takes the mean of the finite neighbours and keeps gaps', () => {
    expect(smooth([1, 2, 6, NaN, 5], 1)).toEqual([1.5, 3, 4, NaN, 5])
  })
})
