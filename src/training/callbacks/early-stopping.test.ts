import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drive } from './drive.cases.ts'
import { earlyStopping } from './early-stopping.ts'
import { camelCase, goldens, series, title } from './golden.cases.ts'

describe('earlyStopping', () => {
  it.each(goldens.earlyStopping.map((row) => ({ title: title(row), row })))('stops where Keras does: $title', async ({ row }) => {
    const callback = earlyStopping({ monitor: row.monitor, ...camelCase(row.args) })
    const driven = await drive([callback], series(row.series), { monitor: row.monitor })
    expect({ after: driven.stoppedAfter, stopped: callback.stoppedEpoch, best: callback.bestEpoch, weight: driven.weight }).toEqual({
      after: row.stoppedAfterEpoch,
      stopped: row.stopped_epoch,
      best: row.best_epoch,
      weight: row.kernelEpoch,
    })
  })

  it('covers every golden', () => expect(goldens.earlyStopping.length).toBe(11))

  it('restores the best weights also when the run was not stopped', async () => {
    const driven = await drive([earlyStopping({ patience: 9, restoreBestWeights: true, verbose: 1 })], [3, 1, 2])
    expect(driven.stoppedAfter).toBeNull()
    expect(driven.weight).toBe(1)
    expect(driven.events.map((event) => event.type)).toEqual(['message'])
  })

  it('forgets the run before', async () => {
    const callback = earlyStopping({ patience: 2 })
    await drive([callback], [0.1, 0.2])
    expect((await drive([callback], [3, 2, 1])).stoppedAfter).toBeNull()
    expect(callback.best).toBe(1)
  })

  it('takes the direction of the metric', async () => {
    const options = { monitor: 'val_f1_score', directions: { f1_score: 'max' } } as const
    expect((await drive([earlyStopping({ monitor: 'val_f1_score', patience: 1 })], [0.1, 0.2, 0.15], options)).stoppedAfter).toBe(2)
  })

  it('takes figures as float32, as Keras has them: 4 of 6 improve on 1 of 6 by more than a half', async () => {
    const callback = earlyStopping({ monitor: 'accuracy', mode: 'max', minDelta: 0.5, patience: 1 })
    expect((await drive([callback], [1 / 6, 4 / 6, 4 / 6], { monitor: 'accuracy' })).stoppedAfter).toBe(2)
  })

  it('warns once when the figure is not there', async () => {
    const { events, stoppedAfter } = await drive([earlyStopping()], [1, 2, 3], { monitor: 'loss' })
    expect(stoppedAfter).toBeNull()
    expect(events).toEqual([{ type: 'warning', message: 'val_loss is not in the logs, which have loss', by: 'earlyStopping' }])
  })

  it('says why it stopped', async () => {
    expect((await drive([earlyStopping({ patience: 1 })], [1, 0.5, 0.7])).stopReason).toBe('val_loss has not improved on 0.5 since epoch 2')
  })

  it('goes on after an interruption as if there had been none', async () => {
    const figure = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(NaN, Infinity, 0.5))
    const runs = fc.record({
      values: fc.array(figure, { minLength: 2, maxLength: 15 }),
      cut: fc.nat(14),
      patience: fc.nat(4),
      baseline: fc.constantFrom(null, 0.5),
    })
    await fc.assert(
      fc.asyncProperty(runs, async ({ values, cut, ...options }) => {
        const whole = earlyStopping(options)
        const unbroken = await drive([whole], values)
        const first = earlyStopping(options)
        const before = await drive([first], values.slice(0, cut))
        if (before.stoppedAfter !== null) return
        const second = earlyStopping(options)
        const after = await drive([second], values, { from: cut, states: [JSON.parse(JSON.stringify(first.state?.())) as unknown] })
        expect(after.stoppedAfter).toBe(unbroken.stoppedAfter)
        expect(second.state?.()).toEqual(whole.state?.())
      }),
    )
  })

  it('warns when the best weights were lost with an interrupted run', async () => {
    const state = { best: 0.1, bestEpoch: 1, stoppedEpoch: 0, wait: 1 }
    const driven = await drive([earlyStopping({ restoreBestWeights: true, patience: 1 })], [9, 9, 0.3], { from: 2, states: [state] })
    expect(driven.weight).toBe(2)
    expect(driven.events).toMatchObject([{ type: 'warning', message: expect.stringContaining('epoch 2') as string }])
  })

  it.each([
    [{ patience: -1 }, 'patience is -1, expected a whole number of at least 0'],
    [{ patience: 1.5 }, 'patience is 1.5'],
    [{ startFromEpoch: -2 }, 'startFromEpoch is -2'],
    [{ minDelta: NaN }, 'minDelta is NaN'],
    [{ baseline: Infinity }, 'baseline is Infinity'],
    [{ mode: 'best' as 'min' }, 'mode is "best", expected one of auto, min, max'],
  ])('refuses %j', (options, message) => {
    expect(() => earlyStopping(options)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }),
    )
  })

  it.each([[null], [{}], [{ best: 'x', bestEpoch: 0, stoppedEpoch: 0, wait: 0 }], [{ best: 1, bestEpoch: 0, stoppedEpoch: 0, wait: -1 }]])(
    'refuses the stored state %j',
    (state) => expect(() => earlyStopping().restore?.(state)).toThrow(expect.objectContaining({ code: 'FORMAT' })),
  )
})
