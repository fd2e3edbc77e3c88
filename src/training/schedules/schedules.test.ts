import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  constant,
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  linearWarmup,
  piecewiseConstantDecay,
  polynomialDecay,
} from './index.ts'
import type { Schedule } from './index.ts'

const golden = (
  JSON.parse(readFileSync(new URL('../../../test/golden/numerics.json', import.meta.url), 'utf8')) as {
    schedules: Record<string, number[]>
  }
).schedules

// The arguments of tools/goldens.py.
const rows: Record<string, Schedule> = {
  exponential: exponentialDecay({ initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.5 }),
  exponential_staircase: exponentialDecay({ initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.5, staircase: true }),
  cosine: cosineDecay({ initialLearningRate: 0.1, decaySteps: 16, alpha: 0.05 }),
  cosine_warmup: cosineDecay({ initialLearningRate: 0.01, decaySteps: 16, warmupTarget: 0.1, warmupSteps: 5 }),
  cosine_restarts: cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 5 }),
  piecewise: piecewiseConstantDecay({ boundaries: [5, 10], values: [0.1, 0.05, 0.01] }),
  polynomial: polynomialDecay({ initialLearningRate: 0.1, decaySteps: 12, endLearningRate: 0.001, power: 2 }),
  inverse_time: inverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.5 }),
}

/** Figures of Keras 3.15.1 for arguments that the goldens do not have, steps 0 to 23. */
const more: Record<string, { schedule: Schedule; rates: number[] }> = {
  'polynomial cycle': {
    schedule: polynomialDecay({ initialLearningRate: 0.1, decaySteps: 7, endLearningRate: 0.01, power: 1.5, cycle: true }),
    rates: [
      0.1, 0.081420407, 0.064331345, 0.048876345, 0.035250925, 0.023744863, 0.014859542, 0.0099999998, 0.035250925, 0.029209033,
      0.023744863, 0.018927552, 0.014859542, 0.011718109, 0.0099999998, 0.023744863, 0.020456072, 0.017481755, 0.014859542, 0.0126452,
      0.010935219, 0.0099999998, 0.018927552, 0.016791416,
    ],
  },
  'polynomial defaults': {
    schedule: polynomialDecay({ initialLearningRate: 0.1, decaySteps: 9 }),
    rates: [
      0.1, 0.0889, 0.077800006, 0.066699997, 0.055600002, 0.044500001, 0.033399999, 0.022299999, 0.0112, 9.9999997e-5, 9.9999997e-5,
      9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5,
      9.9999997e-5, 9.9999997e-5, 9.9999997e-5, 9.9999997e-5,
    ],
  },
  'inverse time staircase': {
    schedule: inverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.5, staircase: true }),
    rates: [
      0.1, 0.1, 0.1, 0.1, 0.06666667, 0.06666667, 0.06666667, 0.06666667, 0.050000001, 0.050000001, 0.050000001, 0.050000001, 0.039999999,
      0.039999999, 0.039999999, 0.039999999, 0.033333335, 0.033333335, 0.033333335, 0.033333335, 0.028571429, 0.028571429, 0.028571429,
      0.028571429,
    ],
  },
  'restarts of equal length': {
    schedule: cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 6, tMul: 1, mMul: 0.8, alpha: 0.1 }),
    rates: [
      0.1, 0.093971148, 0.077500001, 0.054999996, 0.032499995, 0.016028857, 0.082000002, 0.077176921, 0.064000003, 0.045999996, 0.028000003,
      0.014823082, 0.067600004, 0.063741527, 0.053200014, 0.038799997, 0.024399994, 0.013858474, 0.056080002, 0.052993219, 0.044560008,
      0.033039998, 0.021519994, 0.013086778,
    ],
  },
  'restarts, longer and lower': {
    schedule: cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 4, tMul: 1.5, mMul: 0.5, alpha: 0.01 }),
    rates: [
      0.1, 0.08550179, 0.050500002, 0.015498215, 0.050500002, 0.047184132, 0.038125001, 0.02575, 0.013374999, 0.0043158717, 0.02575,
      0.025003696, 0.022854801, 0.019562501, 0.015523896, 0.011226102, 0.0071874992, 0.0038951978, 0.0017463033, 0.013375001, 0.013208215,
      0.012716852, 0.0119274, 0.01088242,
    ],
  },
  'cosine warm-up with alpha': {
    schedule: cosineDecay({ initialLearningRate: 0, decaySteps: 10, alpha: 0.2, warmupTarget: 0.5, warmupSteps: 8 }),
    rates: [
      0.0, 0.0625, 0.125, 0.1875, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.49021131, 0.46180338, 0.41755706, 0.36180338, 0.29999998, 0.23819658,
      0.18244296, 0.13819659, 0.10978871, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1,
    ],
  },
}

function expectRates(schedule: Schedule, rates: readonly number[]): void {
  expect(rates.length).toBe(24)
  for (const [step, rate] of rates.entries()) {
    expect(Math.abs(schedule.at(step) - rate), `step ${String(step)}`).toBeLessThanOrEqual(1e-5 * rate + 1e-12)
  }
}

describe('schedules', () => {
  it('have a row for every golden', () => expect(Object.keys(rows).sort()).toEqual(Object.keys(golden).sort()))

  it.each(Object.entries(golden))('%s gives the rates of Keras', (name, rates) => {
    const schedule = rows[name]
    if (!schedule) throw new Error(`no schedule ${name}`)
    expectRates(schedule, rates)
  })

  it.each(Object.entries(more))('%s gives the rates of Keras', (_, { schedule, rates }) => expectRates(schedule, rates))

  it('linearWarmup rises to the first rate and then follows', () => {
    const schedule = linearWarmup({ schedule: piecewiseConstantDecay({ boundaries: [1], values: [0.4, 0.1] }), warmupSteps: 4 })
    expect([0, 1, 2, 3, 4, 5, 6, 9].map((step) => schedule.at(step))).toEqual([0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.4, 0.1, 0.1])
  })

  it('linearWarmup before cosineDecay is the warm-up of cosineDecay', () => {
    const plain = cosineDecay({ initialLearningRate: 0.1, decaySteps: 16 })
    expectRates(linearWarmup({ schedule: plain, warmupSteps: 5, initialLearningRate: 0.01 }), golden['cosine_warmup'] ?? [])
  })

  it('constant stays', () => expect([0, 7, 1e6].map((step) => constant({ learningRate: 0.3 }).at(step))).toEqual([0.3, 0.3, 0.3]))

  it('configs hold the defaults, as JSON', () => {
    const { name, config } = linearWarmup({
      schedule: exponentialDecay({ initialLearningRate: 1, decaySteps: 2, decayRate: 0.5 }),
      warmupSteps: 3,
    })
    expect(JSON.parse(JSON.stringify({ name, config }))).toEqual({
      name: 'LinearWarmup',
      config: {
        schedule: { name: 'ExponentialDecay', config: { initialLearningRate: 1, decaySteps: 2, decayRate: 0.5, staircase: false } },
        warmupSteps: 3,
        initialLearningRate: 0,
      },
    })
  })

  it('cosineDecayRestarts is at the top at every restart', () => {
    const tuple = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.constantFrom(1, 1.5, 2, 3, 10), fc.integer({ min: 0, max: 5 }))
    fc.assert(
      fc.property(tuple, ([firstDecaySteps, tMul, count]) => {
        const schedule = cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps, tMul, mMul: 0.5 })
        let start = 0
        for (let i = 0; i < count; i++) start += firstDecaySteps * tMul ** i
        expect(schedule.at(start)).toBeCloseTo(0.5 ** count, 12)
      }),
    )
  })

  it('decays never leave the range between their first and their last rate', () => {
    const options = fc.record({
      initialLearningRate: fc.double({ min: 0, max: 10, noNaN: true }),
      decaySteps: fc.integer({ min: 1, max: 1000 }),
      step: fc.nat(100_000),
    })
    fc.assert(
      fc.property(options, ({ step, ...given }) => {
        const all = [
          exponentialDecay({ ...given, decayRate: 0.9 }),
          inverseTimeDecay({ ...given, decayRate: 0.9 }),
          cosineDecay(given),
          polynomialDecay({ ...given, endLearningRate: 0 }),
          polynomialDecay({ ...given, endLearningRate: 0, cycle: true }),
        ]
        for (const schedule of all) {
          expect(schedule.at(0)).toBeCloseTo(given.initialLearningRate, 12)
          expect(schedule.at(step)).toBeGreaterThanOrEqual(0)
          expect(schedule.at(step)).toBeLessThanOrEqual(given.initialLearningRate)
        }
      }),
    )
  })

  const first = { initialLearningRate: 0.1, decaySteps: 5 }
  it.each([
    ['exponentialDecay: decaySteps is 0', () => exponentialDecay({ ...first, decaySteps: 0, decayRate: 0.5 })],
    ['exponentialDecay: decayRate is NaN', () => exponentialDecay({ ...first, decayRate: NaN })],
    ['inverseTimeDecay: initialLearningRate is -1', () => inverseTimeDecay({ ...first, initialLearningRate: -1, decayRate: 0.5 })],
    ['polynomialDecay: power is -1', () => polynomialDecay({ ...first, power: -1 })],
    ['cosineDecay: decaySteps is -5', () => cosineDecay({ ...first, decaySteps: -5 })],
    ['cosineDecay: warmupTarget is null, expected a rate, since warmupSteps is 3', () => cosineDecay({ ...first, warmupSteps: 3 })],
    ['cosineDecayRestarts: firstDecaySteps is 0', () => cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 0 })],
    ['cosineDecayRestarts: tMul is 0.5', () => cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 1, tMul: 0.5 })],
    ['piecewiseConstantDecay: values is [0.1]', () => piecewiseConstantDecay({ boundaries: [1], values: [0.1] })],
    ['piecewiseConstantDecay: boundaries is [5,5]', () => piecewiseConstantDecay({ boundaries: [5, 5], values: [1, 2, 3] })],
    ['linearWarmup: warmupSteps is 0', () => linearWarmup({ schedule: constant({ learningRate: 1 }), warmupSteps: 0 })],
    ['constant: learningRate is Infinity', () => constant({ learningRate: Infinity })],
  ])('refuses %s', (message, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(`Cannot make ${message}`) as string }))
  })
})
