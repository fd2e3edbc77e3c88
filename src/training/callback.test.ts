import { describe, expect, it } from 'vitest'
import { RootstockError } from '../errors.ts'
import { describeLoop, runCallbacks } from './callback.ts'
import { fakeControl } from './callbacks/drive.cases.ts'
import { earlyStopping, history, modelCheckpoint } from './callbacks/index.ts'

const { control } = fakeControl()

describe('runCallbacks', () => {
  it('calls in order, each after the one before is done', async () => {
    const calls: string[] = []
    const slow = { name: 'slow', onEpochBegin: () => new Promise<void>((done) => setImmediate(() => (calls.push('slow'), done()))) }
    const quick = { name: 'quick', onEpochBegin: (epoch: number) => void calls.push(`quick ${String(epoch)}`) }
    await runCallbacks([slow, { name: 'none' }, quick], 'onEpochBegin', 3, control)
    expect(calls).toEqual(['slow', 'quick 3'])
  })

  it('keeps the callback as this', async () => {
    class Counter {
      readonly name = 'counter'
      count = 0
      onTrainBegin(): void {
        this.count++
      }
    }
    const counter = new Counter()
    await runCallbacks([counter], 'onTrainBegin', control)
    expect(counter.count).toBe(1)
  })

  it('names the callback and the hook that failed', async () => {
    const cause = new Error('no route')
    const broken = { name: 'broken', onTestEnd: () => Promise.reject(cause) }
    await expect(runCallbacks([broken], 'onTestEnd', {}, control)).rejects.toMatchObject({
      code: 'CALLBACK',
      message: 'Cannot go on training: callback "broken" failed in onTestEnd: no route',
      cause,
    })
  })

  it('leaves the code of our own errors', async () => {
    const failing = {
      name: 'failing',
      onTrainBegin: () => {
        throw new RootstockError('FILE', 'Cannot save')
      },
    }
    await expect(runCallbacks([failing], 'onTrainBegin', control)).rejects.toMatchObject({ code: 'FILE', message: 'Cannot save' })
  })
})

it('describeLoop shows every callback at its place', () => {
  expect(describeLoop([modelCheckpoint({ filepath: 'x.keras' }), earlyStopping(), history()])).toBe(
    `
fit
  onTrainBegin           modelCheckpoint, earlyStopping, history
  for each epoch
    onEpochBegin         modelCheckpoint
    for each batch
      onTrainBatchBegin
      forward, backward, optimizer step
      onTrainBatchEnd    modelCheckpoint
    with validation data
      onTestBegin
      forward for each batch
      onTestEnd
    onEpochEnd           modelCheckpoint, earlyStopping, history
  onTrainEnd             earlyStopping`.trimStart(),
  )
})
