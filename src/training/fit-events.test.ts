/** @file What `fit` tells, in which order, and how it ends: by callbacks, by a signal, by a failure. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadWeightsFile } from '../formats/keras/index.ts'
import type { Callback } from './callback.ts'
import { earlyStopping, modelCheckpoint, reduceLROnPlateau } from './callbacks/index.ts'
import type { TrainingEvent } from './events.ts'
import type { FitOptions } from './fit.ts'
import type { Model } from './model.ts'
import { adam, sgd } from './optimizers/index.ts'
import { exponentialDecay } from './schedules/index.ts'
import { oneHot, photos, residualNet, smallNet, weightsOf } from './small.cases.ts'

const data = photos(20)
const held = { x: photos(6, 1).x, y: photos(6, 1).y }
/** Validation that gets worse while training gets better. */
const adverse = { x: data.x, y: oneHot(data.labels.map((label) => (label + 1) % 3)) }
// A handful of samples is what the sanity checks warn of; they have tests of their own.
const inOrder = { shuffle: false, batchSize: 8, sanity: false } as const

function compiled(net: Model = smallNet(), learningRate = 0.05): Model {
  net.compile({ optimizer: sgd({ learningRate }), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return net
}

/** The run's events as text, and the error that ended it. */
async function told(net: Model, options: FitOptions): Promise<{ lines: string[]; events: TrainingEvent[]; error: unknown }> {
  const events: TrainingEvent[] = []
  const onEvent = (event: TrainingEvent): void => {
    events.push(event)
    options.onEvent?.(event)
  }
  const error: unknown = await net.fit(data.x, data.y, { ...inOrder, ...options, onEvent }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { lines: events.map(lineOf), events, error }
}

function lineOf(event: TrainingEvent): string {
  const place = 'epoch' in event ? ` ${String(event.epoch)}${'batch' in event ? `.${String(event.batch)}` : ''}` : ''
  return event.type + place
}

/** A callback that notes its hooks. */
function noting(notes: string[]): Callback {
  return {
    name: 'noting',
    onTrainBegin: () => void notes.push('onTrainBegin'),
    onEpochBegin: (epoch) => void notes.push(`onEpochBegin ${String(epoch)}`),
    onTrainBatchBegin: (batch) => void notes.push(`onTrainBatchBegin ${String(batch)}`),
    onTrainBatchEnd: (batch) => void notes.push(`onTrainBatchEnd ${String(batch)}`),
    onTestBegin: () => void notes.push('onTestBegin'),
    onTestEnd: () => void notes.push('onTestEnd'),
    onEpochEnd: (epoch) => void notes.push(`onEpochEnd ${String(epoch)}`),
    onTrainEnd: () => void notes.push('onTrainEnd'),
  }
}

describe('events', () => {
  it('come in order', async () => {
    const { lines, events } = await told(compiled(), { epochs: 3, initialEpoch: 1, validationData: held })
    const epoch = (n: number): string[] => [
      `epochBegin ${n}`,
      `batchEnd ${n}.0`,
      `batchEnd ${n}.1`,
      `batchEnd ${n}.2`,
      `validationBegin ${n}`,
      `validationEnd ${n}`,
      `epochEnd ${n}`,
    ]
    expect(lines).toEqual(['trainBegin', ...epoch(1), ...epoch(2), 'trainEnd'])
    expect(events[0]).toEqual({ type: 'trainBegin', epochs: 3, steps: 3, samples: 20, initialEpoch: 1 })
    expect(events.at(-1)).toMatchObject({ type: 'trainEnd', epochs: 2, reason: 'finished' })
  })

  it('carry the figures of Keras under its names', async () => {
    const { events } = await told(compiled(), { validationData: held })
    const logs = Object.fromEntries(events.flatMap((event) => ('logs' in event ? [[lineOf(event), event.logs]] : [])))
    expect(Object.keys(logs['batchEnd 0.2']!)).toEqual(['loss', 'accuracy'])
    expect(Object.keys(logs['validationEnd 0']!)).toEqual(['loss', 'accuracy'])
    expect(Object.keys(logs['epochEnd 0']!)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy'])
    expect(logs['epochEnd 0']).toMatchObject({ ...logs['batchEnd 0.2'], val_loss: logs['validationEnd 0']!['loss'] })
    expect(logs['trainEnd']).toEqual(logs['epochEnd 0'])
  })

  it('and hooks are what describeLoop says', async () => {
    const notes: string[] = []
    await told(compiled(), { callbacks: [noting(notes)], validationData: held, batchSize: 10 })
    const batch = (n: number): string[] => [`onTrainBatchBegin ${n}`, `onTrainBatchEnd ${n}`]
    const all = ['onTrainBegin', 'onEpochBegin 0', ...batch(0), ...batch(1), 'onTestBegin', 'onTestEnd', 'onEpochEnd 0', 'onTrainEnd']
    expect(notes).toEqual(all)
  })
})

describe('a signal', () => {
  it('ends an evaluation with an error, never with figures of a part', async () => {
    const { x, y } = photos(40)
    const net = smallNet()
    net.compile({ loss: 'categoricalCrossentropy' })
    const evaluating = net.evaluate(x, y, { batchSize: 10, signal: AbortSignal.abort() })
    await expect(evaluating).rejects.toMatchObject({ code: 'CANCELED', message: 'Canceled while evaluating' })
  })

  it('stops after the batch under way and says so', async () => {
    const control = new AbortController()
    const notes: string[] = []
    const abort = (event: TrainingEvent): void => void (event.type === 'batchEnd' && event.batch === 1 && control.abort())
    const [net, twoSteps] = [compiled(), compiled()]
    const { lines, events, error } = await told(net, {
      epochs: 3,
      signal: control.signal,
      onEvent: abort,
      validationData: held,
      callbacks: [noting(notes)],
    })
    expect(error).toBeUndefined()
    expect(lines).toEqual(['trainBegin', 'epochBegin 0', 'batchEnd 0.0', 'batchEnd 0.1', 'trainEnd'])
    expect(events.at(-1)).toMatchObject({ epochs: 0, reason: 'aborted' })
    expect(notes.slice(-2)).toEqual(['onTrainBatchEnd 1', 'onTrainEnd'])
    await twoSteps.fit(data.x, data.y, { ...inOrder, stepsPerEpoch: 2 })
    expect(await weightsOf(net)).toEqual(await weightsOf(twoSteps))
  })

  it('in a validation leaves no figures of a part of the data', async () => {
    const control = new AbortController()
    const notes: string[] = []
    const { lines, events } = await told(compiled(), {
      epochs: 2,
      signal: control.signal,
      onEvent: (event) => event.type === 'validationBegin' && control.abort(),
      validationData: held,
      validationBatchSize: 1,
      callbacks: [noting(notes)],
    })
    expect(notes.some((note) => note.startsWith('onEpochEnd') || note === 'onTestEnd')).toBe(false)
    expect(lines.slice(-2)).toEqual(['validationBegin 0', 'trainEnd'])
    expect(Object.keys(events.at(-1) && 'logs' in events.at(-1)! ? (events.at(-1) as { logs: object }).logs : {})).not.toContain('val_loss')
  })

  it('given before the start trains nothing', async () => {
    const [net, untouched] = [compiled(), compiled()]
    const { lines, events } = await told(net, { signal: AbortSignal.abort() })
    expect(lines).toEqual(['trainBegin', 'trainEnd'])
    expect(events.at(-1)).toMatchObject({ epochs: 0, reason: 'aborted' })
    expect(await weightsOf(net)).toEqual(await weightsOf(untouched))
  })

  it('while the trunk computes ends with CANCELED', async () => {
    const net = residualNet()
    for (const name of ['first', 'second', 'third']) net.getLayer(name).trainable = false
    const { error } = await told(compiled(net), { signal: AbortSignal.abort() })
    expect(error).toMatchObject({ code: 'CANCELED' })
  })
})

describe('a callback', () => {
  const stopAt = (hook: 'onTrainBatchEnd' | 'onEpochEnd', at: number): Callback => ({
    name: 'judge',
    [hook]: (index: number, _logs: unknown, control: { stop(reason: string, by: string): void }) =>
      index === at && control.stop('enough', 'judge'),
  })

  it('stops after the epoch', async () => {
    const { lines, events } = await told(compiled(), { epochs: 5, callbacks: [stopAt('onEpochEnd', 1)] })
    expect(lines.slice(-3)).toEqual(['stopped 1', 'epochEnd 1', 'trainEnd'])
    expect(events.find((event) => event.type === 'stopped')).toEqual({ type: 'stopped', reason: 'enough', by: 'judge', epoch: 1 })
    expect(events.at(-1)).toMatchObject({ epochs: 2, reason: 'stopped' })
  })

  it('stops after the batch, with the validation of the epoch, as in Keras', async () => {
    const { lines } = await told(compiled(), { epochs: 5, callbacks: [stopAt('onTrainBatchEnd', 1)], validationData: held })
    expect(lines).toEqual([
      'trainBegin',
      'epochBegin 0',
      'batchEnd 0.0',
      'stopped 0',
      'batchEnd 0.1',
      'validationBegin 0',
      'validationEnd 0',
      'epochEnd 0',
      'trainEnd',
    ])
  })

  it('that fails is named, and the model can be trained again', async () => {
    const broken: Callback = { name: 'uploader', onEpochEnd: () => Promise.reject(new Error('no route')) }
    const net = compiled()
    const { error } = await told(net, { callbacks: [broken] })
    expect(error).toMatchObject({ code: 'CALLBACK', message: 'Cannot go on training: callback "uploader" failed in onEpochEnd: no route' })
    expect((await told(net, {})).error).toBeUndefined()
  })

  it('sets the learning rate of the next step', async () => {
    const [net, expected] = [compiled(smallNet(), 0.05), compiled(smallNet(), 0.01)]
    const setter: Callback = { name: 'setter', onTrainBatchBegin: (_batch, control) => void (control.learningRate = 0.01) }
    await told(net, { callbacks: [setter] })
    await told(expected, {})
    expect(await weightsOf(net)).toEqual(await weightsOf(expected))
  })

  it('cannot set the learning rate of a schedule', async () => {
    const net = smallNet()
    const schedule = exponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 })
    net.compile({ optimizer: sgd({ learningRate: schedule }), loss: 'categoricalCrossentropy' })
    const setter: Callback = { name: 'setter', onEpochBegin: (_epoch, control) => void (control.learningRate = 0.01) }
    expect((await told(net, { callbacks: [setter] })).error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('follows the schedule') as string,
    })
  })

  it('adds to the logs of the epoch', async () => {
    const adder: Callback = { name: 'adder', onEpochEnd: (epoch, logs) => void (logs['mine'] = epoch + 10) }
    const net = compiled()
    const { history } = await net.fit(data.x, data.y, { epochs: 2, callbacks: [adder] })
    expect(history['mine']).toEqual([10, 11])
  })
})

describe('a loss that is not finite', () => {
  it('stops the run and says where', async () => {
    const { lines, error } = await told(compiled(smallNet(), 1e30), { epochs: 2 })
    expect(error).toMatchObject({
      code: 'NAN_LOSS',
      message: expect.stringMatching(/^Training stopped: the loss became NaN at batch [23] of epoch 1, /) as string,
    })
    expect(error).toMatchObject({ hint: expect.stringContaining('learning rate') as string })
    expect(lines).not.toContain('trainEnd')
  })

  it('of the first batch of a later epoch counts from one', async () => {
    const poison: Callback = {
      name: 'poison',
      onEpochBegin: (epoch, { model }) => (epoch === 1 ? model.weights[0]!.assign(new Float32Array(108).fill(NaN)) : undefined),
    }
    const { error } = await told(compiled(), { epochs: 2, callbacks: [poison] })
    expect(error).toMatchObject({ message: expect.stringContaining('at batch 1 of epoch 2') as string })
  })
})

describe('callbacks of Keras in a real run', () => {
  let folder = ''
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'rootstock-fit-'))))
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('earlyStopping stops, and gives back the best weights', async () => {
    const [net, best] = [compiled(), compiled()]
    const stopping = earlyStopping({ patience: 2, restoreBestWeights: true })
    const { history } = await net.fit(data.x, data.y, { ...inOrder, epochs: 9, validationData: adverse, callbacks: [stopping] })
    const values = history['val_loss']!
    expect(values.length).toBe(stopping.bestEpoch + 3)
    expect(values.length).toBeLessThan(9)
    expect(Math.min(...values)).toBe(values[stopping.bestEpoch])
    await best.fit(data.x, data.y, { ...inOrder, epochs: stopping.bestEpoch + 1 })
    expect(await weightsOf(net)).toEqual(await weightsOf(best))
    expect((await net.evaluate(adverse.x, adverse.y, { batchSize: 8 }))['loss']).toBeCloseTo(values[stopping.bestEpoch]!, 5)
  })

  it('modelCheckpoint writes the best weights, which load into another model', async () => {
    const net = compiled()
    const path = join(folder, 'best', 'w.{epoch:02d}.weights.h5')
    const checkpoint = modelCheckpoint({ filepath: path, saveBestOnly: true })
    const { events } = await told(net, { epochs: 4, validationData: adverse, callbacks: [checkpoint] })
    const written = events.flatMap((event) => (event.type === 'checkpoint' ? [event.path] : []))
    expect(written.map((file) => file.slice(folder.length + 6)).sort()).toEqual((await readdir(join(folder, 'best'))).sort())
    const other = compiled()
    loadWeightsFile(other, written.at(-1)!)
    expect((await other.evaluate(adverse.x, adverse.y, { batchSize: 8 }))['loss']).toBeCloseTo(checkpoint.best!, 5)
  })

  it('reduceLROnPlateau lowers the rate and tells it', async () => {
    const net = compiled(residualNet(), 0.1)
    const callbacks = [reduceLROnPlateau({ patience: 1, factor: 0.1, minDelta: 10 })]
    const { events } = await told(net, { epochs: 4, validationData: held, callbacks })
    const changes = events.flatMap((event) => (event.type === 'learningRate' ? [[event.from, event.to]] : []))
    const rates = [0.1, 0.01, 0.001, 0.0001].map(Math.fround)
    expect(changes.map(([from]) => from)).toEqual(rates.slice(0, 3).map((rate) => expect.closeTo(rate, 8) as number))
    const logged = events.flatMap((event) => (event.type === 'epochEnd' ? [event.logs['learning_rate']!] : []))
    expect(logged[0]).toBe(rates[0])
    logged.slice(1).forEach((rate, i) => expect(rate).toBeCloseTo(rates[i]!, 8))
  })

  it('a checkpoint that cannot be written ends the run', async () => {
    const checkpoint = modelCheckpoint({ filepath: join('/dev/null', 'w.weights.h5'), monitor: 'loss' })
    const { error } = await told(compiled(), { callbacks: [checkpoint] })
    expect(error).toMatchObject({ code: 'FILE', message: expect.stringContaining('/dev/null') as string })
  })
})

it('compile refuses two metrics of one name', () => {
  const twice = { optimizer: adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy', 'accuracy'] }
  expect(() => smallNet().compile(twice)).toThrow('the metric "accuracy" is given twice')
})

it('compile refuses metrics that are no list', () => {
  const options = { loss: 'categoricalCrossentropy', metrics: 'accuracy' as unknown as readonly string[] }
  expect(() => smallNet().compile(options)).toThrow('found "accuracy" for metrics, expected a list')
})

it.each<readonly [string, unknown]>([
  ['found an object, expected a list', earlyStopping()],
  ['found a list without a name at 1', [earlyStopping(), [earlyStopping()]]],
  ['found nothing without a name at 0', [undefined]],
])('fit refuses callbacks that are none: %s', async (message, callbacks) => {
  const { error } = await told(compiled(), { callbacks: callbacks as readonly Callback[] })
  expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining(message) as string })
})
