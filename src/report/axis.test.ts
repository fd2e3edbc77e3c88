import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extentOf, linearAxis, logAxis, numberAxis, shortNumber } from './axis.ts'

const labels = ({ ticks }: { readonly ticks: readonly { readonly label: string }[] }): string[] =>
  ticks.map(({ label }) => label).filter((label) => label !== '')

describe('axes', () => {
  test.each([
    [
      [0.12, 2.31],
      ['0.0', '0.5', '1.0', '1.5', '2.0', '2.5'],
    ],
    [
      [0.69312, 0.69318],
      ['0.69312', '0.69313', '0.69314', '0.69315', '0.69316', '0.69317', '0.69318'],
    ],
    [
      [1e-7, 4e-7],
      ['1e−7', '1.5e−7', '2e−7', '2.5e−7', '3e−7', '3.5e−7', '4e−7'],
    ],
    [
      [-3, 5],
      ['−4', '−2', '0', '2', '4', '6'],
    ],
  ] as const)('linearAxis %j', (extent, expected) => {
    expect(labels(linearAxis([extent[0], extent[1]], 5))).toEqual(expected)
  })

  test('numberAxis has whole numbers from the first to the last', () => {
    expect(labels(numberAxis(1, 8))).toEqual(['1'])
    expect(labels(numberAxis(3, 8))).toEqual(['1', '2', '3'])
    expect(labels(numberAxis(400, 8))).toEqual(['1', '50', '100', '150', '200', '250', '300', '350', '400'])
  })

  test('logAxis labels powers of ten, and more where there are few', () => {
    expect(labels(logAxis([1e-6, 1]))).toEqual(['1e−6', '1e−5', '1e−4', '1e−3', '1e−2', '1e−1', '1e0'])
    expect(labels(logAxis([0.01, 0.1]))).toEqual(['0.01', '0.02', '0.05', '0.1'])
  })

  test('every finite extent gives finite ticks inside the axis', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const { scale, ticks } = linearAxis([Math.min(a, b), Math.max(a, b)], 5)
        expect(scale.domain().every(Number.isFinite)).toBe(true)
        expect(ticks.every(({ value }) => Number.isFinite(scale(value)))).toBe(true)
        expect(ticks.length).toBeLessThan(30)
      }),
    )
  })

  test('extentOf passes over what is not finite', () => {
    expect(extentOf([NaN, 3, Infinity], [-1])).toEqual([-1, 3])
    expect(extentOf([NaN], [])).toBeUndefined()
  })

  test.each([
    [0.94012, '0.9401'],
    [0, '0'],
    [-12345.6, '−12,350'],
    [4.2e-5, '4.2e−5'],
    [2.5e7, '2.5e7'],
    [-Number.MAX_VALUE, '−1.798e308'],
    [NaN, 'NaN'],
  ])('shortNumber %d', (value, label) => {
    expect(shortNumber(value)).toBe(label)
  })
})
