/** @file lambdaCallback, learningRateScheduler and terminateOnNaN, in real runs of a tiny network. */
import { describe, expect, it } from 'vitest'
import type { TrainingEvent } from '../events.ts'
import type { FitOptions } from '../fit.ts'
import { adam, sgd } from '../optimizers/index.ts'
import { cosineDecay } from '../schedules/index.ts'
import { photos, smallNet } from '../small.cases.ts'
import { drive } from './drive.cases.ts'
import { lambdaCallback } from './lambda-callback.ts'
import { learningRateScheduler } from './learning-rate-scheduler.ts'
import { terminateOnNaN } from './terminate-on-nan.ts'

const data = photos(8)

async function train(options: FitOptions, optimizer = sgd({ learningRate: 0.1 })) {
  const net = smallNet()
  net.compile({ optimizer, loss: 'categoricalCrossentropy' })
  const events: TrainingEvent[] = []
  const history = await net.fit(data.x, data.y, { batchSize: 4, onEvent: (event) => events.push(event), ...options })
  await net.dispose()
  return { history, events }
}

describe('lambdaCallback', () => {
  it('calls its functions at their moments', async () => {
    const called: unknown[] = []
    const hooks = lambdaCallback({
      onTrainBegin: (control) => void called.push(['begin', control.iterations]),
      onEpochBegin: (epoch) => void called.push(epoch),
      onTrainBatchBegin: (batch) => void called.push(['batch', batch]),
      onTrainBatchEnd: (batch, logs) => void called.push([batch, Object.keys(logs)]),
      onTestBegin: () => void called.push('test'),
      onTestEnd: (logs) => void called.push(Object.keys(logs)),
      onEpochEnd: async (epoch, logs) => void called.push(await Promise.resolve([epoch, Object.keys(logs)])),
      onTrainEnd: (_logs, control) => void called.push(['end', control.iterations]),
    })
    await train({ callbacks: [hooks], validationData: [data.x, data.y] })
    expect(called).toEqual([
      ['begin', 0],
      0,
      ['batch', 0],
      [0, ['loss']],
      ['batch', 1],
      [1, ['loss']],
      'test',
      ['loss'],
      [0, ['loss', 'val_loss']],
      ['end', 2],
    ])
  })

  it('takes what a callback may say beside its hooks', () => {
    expect(lambdaCallback({ name: 'mine', wantsGradients: true, followsBatches: false })).toMatchObject({
      name: 'mine',
      wantsGradients: true,
    })
  })

  it('names a hook that does not exist', () => {
    const misspelt: object = { onEpochsEnd: () => undefined }
    expect(() => lambdaCallback(misspelt)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME', hint: expect.stringContaining('onEpochEnd') as string }),
    )
  })

  it('is named when it fails', async () => {
    const failing = lambdaCallback({
      name: 'mine',
      onEpochEnd: () => {
        throw new Error('oh')
      },
    })
    await expect(train({ callbacks: [failing] })).rejects.toMatchObject({
      code: 'CALLBACK',
      message: 'Cannot go on training: callback "mine" failed in onEpochEnd: oh',
    })
  })
})

describe('learningRateScheduler', () => {
  it('sets the rate of every epoch and records it', async () => {
    const seen: number[] = []
    const schedule = (epoch: number, rate: number): number => {
      seen.push(rate)
      return epoch < 2 ? rate : rate * 0.5
    }
    const { history, events } = await train({ epochs: 4, callbacks: [learningRateScheduler(schedule, { verbose: 1 })] })
    const rates = [0.1, 0.1, 0.05, 0.025].map(Math.fround)
    expect(history.history['learning_rate']).toEqual(rates)
    expect(seen).toEqual([0.1, 0.1, 0.1, 0.05].map(Math.fround))
    const changes = events.filter((event) => event.type === 'learningRate')
    expect(changes.map(({ from, to }) => [from, to])).toEqual([
      [rates[0], rates[2]],
      [rates[2], rates[3]],
    ])
    expect(events.filter((event) => event.type === 'message').length).toBe(4)
  })

  it.each([NaN, -1, Infinity, '0.1' as unknown as number, undefined as unknown as number])(
    'refuses a schedule that gives %j',
    async (rate) => {
      await expect(drive([learningRateScheduler(() => rate)], [1])).rejects.toMatchObject({ code: 'USAGE' })
    },
  )

  it.each([{ schedule: () => 0.1 }, cosineDecay({ initialLearningRate: 0.1, decaySteps: 10 }), undefined])(
    'is not made of %j, which is no function',
    (schedule) => {
      expect(() => learningRateScheduler(schedule as unknown as () => number)).toThrow(
        expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('expected a function of the epoch') as string }),
      )
    },
  )

  it('leaves the optimizer its own schedule', async () => {
    const optimizer = adam({ learningRate: cosineDecay({ initialLearningRate: 0.1, decaySteps: 10 }) })
    await expect(train({ callbacks: [learningRateScheduler(() => 0.1)] }, optimizer)).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('terminateOnNaN', () => {
  const wild = () => sgd({ learningRate: 1e30 })

  it('ends the run in good order, as in Keras', async () => {
    const ends: string[] = []
    const after = lambdaCallback({ onTrainEnd: () => void ends.push('end') })
    const { history, events } = await train({ epochs: 9, callbacks: [terminateOnNaN(), after], validationData: [data.x, data.y] }, wild())
    expect(history.history['loss']?.at(-1)).toBeNaN()
    expect(history.epoch.length).toBeLessThan(3)
    expect(ends).toEqual(['end'])
    expect(events.find((event) => event.type === 'stopped')).toMatchObject({
      by: 'terminateOnNaN',
      reason: expect.stringContaining('NaN') as string,
    })
    expect(events.at(-1)).toMatchObject({ type: 'trainEnd', reason: 'stopped' })
  })

  it('throws at once when asked to', async () => {
    const ends: string[] = []
    const after = lambdaCallback({ onTrainEnd: () => void ends.push('end') })
    await expect(train({ epochs: 9, callbacks: [terminateOnNaN({ raiseError: true }), after] }, wild())).rejects.toMatchObject({
      code: 'NAN_LOSS',
    })
    expect(ends).toEqual([])
  })

  it('is not needed to notice', async () => {
    await expect(train({ epochs: 9 }, wild())).rejects.toMatchObject({ code: 'NAN_LOSS' })
  })
})
