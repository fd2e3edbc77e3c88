/** @file Several steps in one call: the numbers, events and hooks of single steps. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { mixup } from '../image/index.ts'
import { batchNormalization, clearSession, dense, dropout, input } from '../layers/index.ts'
import type { Callback } from './callback.ts'
import { terminateOnNaN } from './callbacks/index.ts'
import type { CompileOptions } from './compile.ts'
import type { TrainingEvent } from './events.ts'
import type { FitOptions } from './fit.ts'
import { model, type Model } from './model.ts'
import { adam, adamW, lion, nadam, rmsprop, sgd } from './optimizers/index.ts'
import { cosineDecay } from './schedules/index.ts'
import { photos, residualNet, smallNet, stream, weightsOf } from './small.cases.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-windows-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let folders = 0
const fresh = (): string => join(scratch, String(folders++))

const all = photos(26)

/** Wide enough for sums in one pass (2^14 numbers), with batch statistics and dropout. */
function wideNet(): Model {
  clearSession()
  const x = input({ shape: [128] })
  const hidden = dropout({ rate: 0.3, name: 'drop' })(batchNormalization({ name: 'norm' })(dense({ units: 128, activation: 'relu' })(x)))
  return model({ inputs: x, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(hidden) })
}

const wide = { ...all, x: { ...all.x, data: all.x.data.slice(0, 26 * 128), shape: [26, 128] } }

interface Outcome {
  readonly weights: Record<string, number[]>
  readonly history: Record<string, number[]>
  readonly batches: readonly unknown[]
  readonly calls: readonly string[]
}

async function trained(
  make: () => Model,
  compile: Partial<CompileOptions>,
  options: FitOptions & { streamed?: boolean },
): Promise<Outcome> {
  const net = make()
  net.compile({ loss: 'categoricalCrossentropy', metrics: ['accuracy'], ...compile })
  const batches: unknown[] = []
  const calls: string[] = []
  const follower: Callback = {
    name: 'follower',
    followsBatches: false,
    onTrainBatchBegin: (batch) => void calls.push(`begin ${batch}`),
    onTrainBatchEnd: (batch) => void calls.push(`end ${batch}`),
  }
  const onEvent = (event: TrainingEvent): void => void (event.type === 'batchEnd' && batches.push(event))
  const data = net.input.shape.length === 2 ? wide : all
  const { streamed, ...rest } = options
  const complete = { batchSize: 4, epochs: 3, callbacks: [follower], onEvent, ...rest }
  const history = streamed ? await net.fit(stream(data, 4), complete) : await net.fit(data.x, data.y, complete)
  const outcome = { weights: await weightsOf(net), history: history.history, batches, calls }
  await net.dispose()
  return outcome
}

describe('steps in one call give the bits of single steps', () => {
  const schedule = cosineDecay({ initialLearningRate: 0.05, decaySteps: 15 })
  it.each<[string, () => Model, Partial<CompileOptions>, Parameters<typeof trained>[2]]>([
    ['Adam, batch statistics, dropout', wideNet, { optimizer: adam() }, {}],
    ['Adam with amsgrad and clipping', wideNet, { optimizer: adam({ amsgrad: true, clipnorm: 0.1 }) }, { shuffle: false }],
    ['AdamW on a schedule', wideNet, { optimizer: adamW({ learningRate: schedule }) }, {}],
    ['averages that replace the weights', wideNet, { optimizer: sgd({ momentum: 0.9, useEma: true, emaOverwriteFrequency: 5 }) }, {}],
    ['RMSprop, slower layers', wideNet, { optimizer: rmsprop({ momentum: 0.5 }), learningRateFactors: { head: 0.1 } }, {}],
    ['Nadam, weighted classes', wideNet, { optimizer: nadam() }, { classWeight: { 0: 1, 1: 2, 2: 0.5 } }],
    ['Lion, mixed samples', wideNet, { optimizer: lion() }, { mix: mixup({ alpha: 0.4 }) }],
    ['convolutions', smallNet, { optimizer: sgd({ learningRate: 0.1 }) }, {}],
    ['a stream', wideNet, { optimizer: 'adam' }, { streamed: true, stepsPerEpoch: 5 }],
  ])('%s', async (title, make, compile, options) => {
    const single = await trained(make, { ...compile, stepsPerExecution: 1 }, options)
    for (const stepsPerExecution of title.startsWith('Adam,') ? [3, 32] : [3]) {
      const { calls, ...several } = await trained(make, { ...compile, stepsPerExecution }, options)
      expect(several, `${stepsPerExecution} steps`).toEqual({ weights: single.weights, history: single.history, batches: single.batches })
      expect(calls.filter((call) => call.startsWith('end'))).toEqual(single.calls.filter((call) => call.startsWith('end')))
    }
  })

  it('on features behind a frozen border that cuts two ways', async () => {
    const frozen = (): Model => {
      const net = residualNet()
      for (const name of ['first', 'second']) net.getLayer(name).trainable = false
      return net
    }
    const single = await trained(frozen, { optimizer: 'adam', stepsPerExecution: 1 }, {})
    expect(await trained(frozen, { optimizer: 'adam', stepsPerExecution: 4 }, {})).toEqual(single)
  })
})

describe('how many', () => {
  /** The optimizer's counter moves once per call: the widest step that a hook sees it make. */
  async function together(compile: Partial<CompileOptions>, options: FitOptions, other: Partial<Callback> = {}): Promise<number> {
    const seen: number[] = []
    const watcher: Callback = {
      name: 'watcher',
      followsBatches: false,
      onTrainBatchEnd: (_batch, _logs, control) => void seen.push(control.iterations),
      ...other,
    }
    await trained(wideNet, { optimizer: 'adam', ...compile }, { ...options, callbacks: [watcher] })
    return Math.max(...seen.map((iterations, i) => iterations - (seen[i - 1] ?? 0)))
  }

  it.each<[string, number, Partial<CompileOptions>, FitOptions, Partial<Callback>?]>([
    ['as many as are asked for', 3, { stepsPerExecution: 3 }, {}],
    ['as many, though a callback follows batches', 3, { stepsPerExecution: 3 }, {}, { followsBatches: true }],
    ['not more than an epoch has whole batches', 6, { stepsPerExecution: 100 }, {}],
    ['one where a callback follows batches', 1, {}, { epochs: 200 }, { followsBatches: true }],
    ['one where calls cost less than a longer program', 1, {}, { epochs: 1 }],
    ['three where many epochs pay for it', 3, {}, { epochs: 200 }],
    ['one for gradients', 1, { stepsPerExecution: 3 }, {}, { wantsGradients: true }],
    ['none beyond a checkpoint', 1, { stepsPerExecution: 3 }, { checkpoint: { folder: fresh(), everyBatches: 2 } }],
    ['up to a checkpoint', 3, { stepsPerExecution: 3 }, { checkpoint: { folder: fresh(), everyBatches: 9 } }],
  ])('%s: %i', async (_, expected, ...run) => {
    expect(await together(...run)).toBe(expected)
  })

  it.each([0, 1.5, -1, NaN, 'many'])('refuses %s', (stepsPerExecution) => {
    const compile = (): void => wideNet().compile({ loss: 'categoricalCrossentropy', stepsPerExecution: stepsPerExecution as number })
    expect(compile).toThrow(/^Invalid stepsPerExecution: found .+, expected a whole number of at least 1, or 'auto'$/)
  })
})

it('a loss that is no number ends the run at its batch, also in the middle of a call', async () => {
  const blown = { optimizer: sgd({ learningRate: 1e30 }), stepsPerExecution: 3 }
  await expect(trained(wideNet, blown, {})).rejects.toThrow(/became NaN at batch 2 of epoch 1/)
  const ended = await trained(wideNet, blown, { callbacks: [terminateOnNaN()] })
  expect(ended.batches).toHaveLength(2)
})

it.each(['a call of many steps', 'large weights'])('no step counts behind a loss that is no number: %s', async (kind) => {
  const ended = async (stepsPerExecution: number): Promise<unknown> => {
    clearSession()
    const x = input({ shape: [2] })
    const hidden = kind === 'large weights' ? dense({ units: 2 ** 17 })(x) : x
    const net = model({ inputs: x, outputs: dense({ units: 1, name: 'head' })(hidden) })
    net.compile({ optimizer: sgd({ learningRate: 0.25, momentum: 0.5 }), loss: 'meanSquaredError', stepsPerExecution })
    // The second loss is no number, its gradient is one.
    const targets = Float32Array.of(1, 1e20, 1, 1, 1, 1)
    const data = { x: { data: new Float32Array(12), shape: [6, 2], dtype: 'float32' } as const, y: { data: targets, shape: [6, 1], dtype: 'float32' } as const } // prettier-ignore
    await net.fit(data.x, data.y, { batchSize: 1, epochs: 2, shuffle: false, sanity: false, callbacks: [terminateOnNaN()] })
    const bias = (await net.weights.at(-1)!.read()).data[0]
    const { iterations } = net.compiled
    await net.dispose()
    return { bias, iterations }
  }
  const single = await ended(1)
  expect(single).toMatchObject({ iterations: 2 })
  expect(await ended(3)).toEqual(single)
})
