import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drive } from './drive.cases.ts'
import { camelCase, goldens, series, title } from './golden.cases.ts'
import { reduceLROnPlateau } from './reduce-lr-on-plateau.ts'

describe('reduceLROnPlateau', () => {
  it.each(goldens.reduceLROnPlateau.map((row) => ({ title: title(row), row })))('keeps the rates of Keras: $title', async ({ row }) => {
    const callback = reduceLROnPlateau({ monitor: row.monitor, ...camelCase(row.args) })
    const driven = await drive([callback], series(row.series), {
      monitor: row.monitor,
      learningRate: row.startLearningRate,
      directions: { accuracy: 'max' },
    })
    expect(driven.learningRates.map((rate) => Number(rate.toFixed(12)))).toEqual(row.learningRateAfterEpoch)
  })

  it('covers every golden', () => expect(goldens.reduceLROnPlateau.length).toBe(7))

  it('writes the rate of the epoch into the logs, and tells of the change', async () => {
    const driven = await drive([reduceLROnPlateau({ patience: 1, factor: 0.5 })], [1, 1], { learningRate: 0.5 })
    expect(driven.logs.map((logs) => logs['learning_rate'])).toEqual([0.5, 0.5])
    expect(driven.events).toEqual([{ type: 'learningRate', from: 0.5, to: 0.25, by: 'reduceLROnPlateau' }])
  })

  it('never raises the rate and never goes below the least one', async () => {
    const runs = fc.record({
      values: fc.array(fc.double({ noNaN: true }), { maxLength: 20 }),
      factor: fc.double({ min: 0, max: 0.99, noNaN: true }),
      patience: fc.nat(3),
      cooldown: fc.nat(3),
      minLr: fc.double({ min: 0, max: 0.2, noNaN: true }),
    })
    await fc.assert(
      fc.asyncProperty(runs, async ({ values, ...options }) => {
        const { learningRates } = await drive([reduceLROnPlateau(options)], values)
        const all = [Math.fround(0.1), ...learningRates]
        for (let i = 1; i < all.length; i++) {
          expect(all[i]).toBeLessThanOrEqual(all[i - 1]!)
          expect(all[i] === all[i - 1] || all[i]! >= Math.fround(options.minLr)).toBe(true)
        }
      }),
    )
  })

  it('goes on after an interruption as if there had been none', async () => {
    const values = series('plateau')
    for (let cut = 0; cut < values.length; cut++) {
      const options = { patience: 2, cooldown: 2, factor: 0.5 }
      const unbroken = await drive([reduceLROnPlateau(options)], values)
      const first = reduceLROnPlateau(options)
      const before = await drive([first], values.slice(0, cut))
      const learningRate = before.learningRates.at(-1) ?? 0.1
      const states = [JSON.parse(JSON.stringify(first.state?.())) as unknown]
      const after = await drive([reduceLROnPlateau(options)], values, { from: cut, learningRate, states })
      expect([...before.learningRates, ...after.learningRates]).toEqual(unbroken.learningRates)
    }
  })

  it('warns once when the figure is not there', async () => {
    const { events } = await drive([reduceLROnPlateau()], [1, 2], { monitor: 'loss' })
    expect(events).toEqual([
      { type: 'warning', message: 'val_loss is not in the logs, which have loss, learning_rate', by: 'reduceLROnPlateau' },
    ])
  })

  it.each([
    [{ factor: 1 }, 'factor is 1'],
    [{ factor: -0.1 }, 'factor is -0.1'],
    [{ factor: NaN }, 'factor is NaN'],
    [{ patience: -1 }, 'patience is -1'],
    [{ cooldown: 0.5 }, 'cooldown is 0.5'],
    [{ minLr: -1 }, 'minLr is -1'],
  ])('refuses %j', (options, message) => {
    expect(() => reduceLROnPlateau(options)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }),
    )
  })
})
