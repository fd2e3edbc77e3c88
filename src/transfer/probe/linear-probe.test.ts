/** @file The linear probe: its minimum is the minimum, folds keep copies together, and figures are those of photos not seen. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { random, tensor } from '../../tensor/index.ts'
import { stratifiedFolds } from './folds.ts'
import { crossValidate, probeSplits } from './linear-probe.ts'
import { minimize } from './minimize.ts'
import { openRegression } from './softmax-regression.ts'

/** Noise in which class k has feature k raised. */
function drawn(count: number, { width = 6, classes = 3, shift = 2 } = {}): { features: Float32Array[]; labels: number[] } {
  const rng = random('probe test')
  const labels = Array.from({ length: count }, (_, i) => i % classes)
  return {
    labels,
    features: labels.map((label) => Float32Array.from({ length: width }, (_, k) => rng.normal() + (k === label ? shift : 0))),
  }
}

describe('minimize', () => {
  it('finds the bottom of a narrow valley', async () => {
    const scales = [1, 10, 100, 1000]
    const evaluate = (at: Float64Array): Promise<{ value: number; gradient: Float64Array }> =>
      Promise.resolve({
        value: at.reduce((sum, x, i) => sum + 0.5 * scales[i]! * (x - i) ** 2, 0),
        gradient: at.map((x, i) => scales[i]! * (x - i)),
      })
    const found = await minimize(evaluate, new Float64Array(4), { tolerance: 1e-8 })
    found.forEach((x, i) => expect(x).toBeCloseTo(i, 8))
  })
})

describe('softmax regression', () => {
  it.each([0.01, 0.1, 1])('ends where the gradient, computed anew in double precision, vanishes: decay %d', async (decay) => {
    const { features, labels } = drawn(90)
    const [width, classes] = [7, 3]
    const rows = features.map((row) => [...row, 1])
    const regression = await openRegression(width, classes)
    const weights = await regression.fit({ rows: tensor(rows.flat(), [90, width]), labels }, decay)
    await regression.dispose()
    const gradient = new Float64Array(width * classes)
    rows.forEach((row, i) => {
      const scores = Array.from({ length: classes }, (_, c) => row.reduce((sum, x, k) => sum + x * weights[k * classes + c]!, 0))
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0)
      for (let k = 0; k < width; k++)
        for (let c = 0; c < classes; c++)
          gradient[k * classes + c]! += (row[k]! * (Math.exp(scores[c]!) / total - (labels[i] === c ? 1 : 0))) / rows.length
    })
    for (let i = 0; i < (width - 1) * classes; i++) gradient[i]! += decay * weights[i]!
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(2e-4)
    expect(Math.max(...weights.map(Math.abs))).toBeGreaterThan(0.1)
  })
})

describe('stratifiedFolds', () => {
  it('deals every class evenly and never tears a unit', () => {
    const sample = fc.record({ label: fc.nat(3), unit: fc.nat(40) })
    fc.assert(
      fc.property(fc.array(sample, { minLength: 20, maxLength: 120 }), fc.integer({ min: 2, max: 6 }), (samples, folds) => {
        const [labels, units] = [samples.map(({ label }) => label), samples.map(({ unit }) => String(unit))]
        const found = stratifiedFolds(labels, { folds, seed: 1, units })
        expect(found.every((fold) => Number.isInteger(fold) && fold >= 0 && fold < folds)).toBe(true)
        for (const unit of new Set(units)) expect(new Set(found.filter((_, i) => units[i] === unit)).size).toBe(1)
        const alone = stratifiedFolds(labels, { folds, seed: 1 })
        for (const label of new Set(labels)) {
          const counts = Array.from({ length: folds }, (_, fold) => alone.filter((own, i) => own === fold && labels[i] === label).length)
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})

describe('crossValidate', () => {
  const accuracy = (right: readonly boolean[]): number => right.filter(Boolean).length / right.length

  it('tells features that know the class from noise', async () => {
    expect(accuracy(await crossValidate(drawn(150, { shift: 4 })))).toBeGreaterThan(0.95)
    const noise = accuracy(await crossValidate(drawn(150, { shift: 0 })))
    expect(noise).toBeGreaterThan(0.2)
    expect(noise).toBeLessThan(0.47)
  })

  it('is not deceived by copies, where it knows them', async () => {
    // Each photo five times, under noise that says nothing of its class.
    const { features, labels } = drawn(60, { width: 60, shift: 0 })
    const copied = {
      features: features.flatMap((row) => Array<Float32Array>(5).fill(row)),
      labels: labels.flatMap((l) => Array<number>(5).fill(l)),
    }
    const units = copied.labels.map((_, i) => `photo ${Math.floor(i / 5)}`)
    const [deceived, honest] = [accuracy(await crossValidate(copied)), accuracy(await crossValidate({ ...copied, units }))]
    expect(deceived).toBeGreaterThan(0.8)
    expect(honest).toBeLessThan(0.55)
  })

  it('gives the same figures again, and stops when it is told to', async () => {
    const given = drawn(60)
    expect(await crossValidate(given)).toEqual(await crossValidate(given))
    await expect(crossValidate(given, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  it('bears a class with a single photo and a feature that never changes', async () => {
    const { features, labels } = drawn(40)
    features.forEach((row) => (row[5] = 7))
    const right = await crossValidate({ features, labels: labels.map((label, i) => (i === 39 ? 3 : label)) })
    expect(right).toHaveLength(40)
    expect(accuracy(right)).toBeGreaterThan(0.6)
  })
})

describe('probeSplits', () => {
  it('judges each split by its test alone', async () => {
    const given = drawn(60, { shift: 5 })
    const [even, odd] = [0, 1].map((rest) => given.labels.flatMap((_, i) => (i % 2 === rest ? [i] : [])))
    const found = await probeSplits(given, [
      { train: even!, test: odd! },
      { train: odd!, test: even! },
    ])
    expect(found).toHaveLength(2)
    for (const value of found) expect(value).toBeGreaterThan(0.9)
  })
})
