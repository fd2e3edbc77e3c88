/** @file Whole `fit` runs against Keras's own histories (test/golden/training.json). */
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { formula, moments, photo, uniform } from './golden/formula.ts'
import { mobilenet } from '../src/applications/index.ts'
import { preprocess } from '../src/image/index.ts'
import { clearSession, dense, globalAveragePooling2d } from '../src/layers/index.ts'
import type { Tensor } from '../src/tensor/index.ts'
import { model, type Model } from '../src/training/model.ts'
import { categoricalCrossentropy } from '../src/training/losses/index.ts'
import { adam, adamW, rmsprop, sgd, type Optimizer } from '../src/training/optimizers/index.ts'
import { cosineDecay, exponentialDecay } from '../src/training/schedules/index.ts'
import type { FitOptions } from '../src/training/fit.ts'
import type { Loss } from '../src/training/losses/index.ts'

interface Golden {
  readonly n: number
  readonly nv: number
  readonly labels: number[]
  readonly labelsVal: number[]
  readonly runs: Record<
    string,
    {
      epochs: number
      gain: number
      noise: number
      history: Record<string, number[]>
      evaluateBatch5: number[]
      final: Record<string, { mean: number; std: number; first: number[] }>
    }
  >
}
const golden = JSON.parse(readFileSync(new URL('./golden/training.json', import.meta.url), 'utf8')) as Golden

interface Spread {
  readonly loss: Record<string, Record<string, number[]>>
  readonly float64Batches: Record<string, number[]>
}
const spread = JSON.parse(readFileSync(new URL('./golden/training_spread.json', import.meta.url), 'utf8')) as Spread

/** Keras's own relative disagreement about a run, over machines and precisions. */
function disagreement(key: string): number {
  const runs = Object.values(spread.loss[key] ?? {})
  if (runs.length === 0) return 0
  return Math.max(
    0,
    ...[0, 1].map((epoch) => Math.max(...runs.map((run) => run[epoch]!)) / Math.min(...runs.map((run) => run[epoch]!)) - 1),
  )
}

/** How far Keras in single precision is from itself in double precision at the end of an epoch, on the worse of the machines. */
function ownError(key: string, epoch: number): number {
  const { float64 = [], ...single } = spread.loss[key] ?? {}
  return Math.max(0, ...Object.values(single).map((run) => Math.abs(run[epoch]! / float64[epoch]! - 1)))
}

interface Row {
  readonly key: string
  readonly frozen: boolean
  readonly optimizer: () => Optimizer
  readonly loss?: Loss
  readonly fit?: FitOptions
}
const cosine = { initialLearningRate: 0.01, decaySteps: 12, alpha: 0.1, warmupTarget: 0.02, warmupSteps: 4 }
const rows: readonly Row[] = [
  { key: 'frozen_adam_0.005', frozen: true, optimizer: () => adam({ learningRate: 0.005, epsilon: 1e-8 }) },
  { key: 'frozen_sgd_momentum', frozen: true, optimizer: () => sgd({ learningRate: 0.05, momentum: 0.9 }) },
  { key: 'frozen_nesterov', frozen: true, optimizer: () => sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }) },
  { key: 'frozen_rmsprop', frozen: true, optimizer: () => rmsprop({ learningRate: 0.001 }) },
  { key: 'frozen_adamw', frozen: true, optimizer: () => adamW({ learningRate: 0.005, weightDecay: 0.01 }) },
  { key: 'frozen_amsgrad', frozen: true, optimizer: () => adam({ learningRate: 0.005, amsgrad: true }) },
  { key: 'frozen_clipnorm', frozen: true, optimizer: () => adam({ learningRate: 0.005, clipnorm: 0.5 }) },
  { key: 'frozen_cosine', frozen: true, optimizer: () => adam({ learningRate: cosineDecay(cosine) }) },
  {
    key: 'frozen_exponential',
    frozen: true,
    optimizer: () =>
      adam({ learningRate: exponentialDecay({ initialLearningRate: 0.01, decaySteps: 3, decayRate: 0.5, staircase: true }) }),
  },
  {
    key: 'frozen_label_smoothing',
    frozen: true,
    optimizer: () => adam({ learningRate: 0.005 }),
    loss: categoricalCrossentropy({ labelSmoothing: 0.1 }),
  },
  {
    key: 'frozen_class_weight',
    frozen: true,
    optimizer: () => adam({ learningRate: 0.005 }),
    fit: { classWeight: { 0: 1, 1: 2, 2: 0.5 } },
  },
  { key: 'full_sgd_0.00001', frozen: false, optimizer: () => sgd({ learningRate: 1e-5 }) },
  { key: 'full_momentum_0.00001', frozen: false, optimizer: () => sgd({ learningRate: 1e-5, momentum: 0.9 }) },
  { key: 'full_adam_0.00001', frozen: false, optimizer: () => adam({ learningRate: 1e-5 }) },
]

const size = 64

/** Class k has channel k brightened, so that the classes can be learned. */
function photos(name: string, labels: readonly number[]): Tensor<'float32'> {
  const x = preprocess(photo(name, [labels.length, size, size, 3]), 'tf')
  const per = size * size * 3
  labels.forEach((label, i) => {
    for (let at = i * per + label; at < (i + 1) * per; at += 3) x.data[at]! += 1
  })
  return x
}

function oneHot(labels: readonly number[]): Tensor<'float32'> {
  return {
    data: Float32Array.from(labels.flatMap((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0)))),
    shape: [labels.length, 3],
    dtype: 'float32',
  }
}

async function smallNet(frozen: boolean, gain: number): Promise<Model> {
  const base = await mobilenet({ alpha: 0.25, weights: null, includeTop: false, inputShape: [size, size, 3] })
  base.trainable = !frozen
  let x = globalAveragePooling2d({ name: 'average_pooling2d_new' })(base.output)
  x = dense({ units: 32, activation: 'relu', name: 'dense_new' })(x)
  const m = model({ inputs: base.input, outputs: dense({ units: 3, activation: 'softmax', name: 'dense_output' })(x) })
  for (const weight of m.weights) weight.assign(formula(weight.path, weight.shape, gain))
  return m
}

beforeEach(clearSession)

it('labels follow the formula', () => {
  expect(Array.from(uniform('fit/y', golden.n), (u) => Math.floor(u * 3))).toEqual(golden.labels)
})

describe.each(rows)('fit $key', ({ key, frozen, optimizer, loss, fit }) => {
  it("gives Keras's history, evaluation and head", async () => {
    const run = golden.runs[key]!
    const tolerance = Math.max(1e-3, 10 * run.noise, disagreement(key))
    const close = (found: number, expected: number): void =>
      expect(Math.abs(found - expected)).toBeLessThanOrEqual(tolerance * Math.abs(expected) + 1e-7)
    const batches: number[] = []
    const m = await smallNet(frozen, run.gain)
    m.compile({ optimizer: optimizer(), loss: loss ?? 'categoricalCrossentropy', metrics: ['accuracy'] })
    const held = { x: photos('fit/xv', golden.labelsVal), y: oneHot(golden.labelsVal) }
    const { history } = await m.fit(photos('fit/x', golden.labels), oneHot(golden.labels), {
      batchSize: 16,
      epochs: run.epochs,
      shuffle: false,
      validationData: held,
      onEvent: (event) => event.type === 'batchEnd' && batches.push(event.logs['loss']!),
      ...fit,
    })
    // Keras in double precision is the truth here; no batch is half as far from it as Keras in single precision ends that epoch.
    const perEpoch = batches.length / run.epochs
    spread.float64Batches[key]?.forEach((value, i) => {
      const allowed = Math.max(5e-4, ownError(key, Math.floor(i / perEpoch)) / 2)
      expect(Math.abs(batches[i]! / value - 1)).toBeLessThan(allowed)
    })
    expect(Object.keys(history).sort()).toEqual(Object.keys(run.history).sort())
    // The goldens' noise is that of the losses. An accuracy moves in whole samples: where every layer trains, one of 40
    // (of 12) lies so near to the border that Keras itself decides it otherwise in float64.
    const samples: Record<string, number> = frozen ? {} : { accuracy: 1 / golden.n, val_accuracy: 1 / golden.nv }
    for (const [name, values] of Object.entries(run.history)) {
      values.forEach((value, i) => {
        const found = history[name]![i]!
        if (samples[name] === undefined) close(found, value)
        else expect(Math.abs(found - value)).toBeLessThanOrEqual(samples[name] + 1e-6)
      })
    }
    const evaluation = await m.evaluate(held.x, held.y, { batchSize: 5 })
    close(evaluation['loss']!, run.evaluateBatch5[0]!)
    close(evaluation['accuracy']!, run.evaluateBatch5[1]!)
    for (const [path, stats] of Object.entries(run.final)) {
      const { data } = await m.weights.find((weight) => weight.path === path)!.read()
      const { mean, std } = moments(data)
      expect(Math.abs(mean - stats.mean)).toBeLessThanOrEqual(tolerance * stats.std)
      expect(Math.abs(std - stats.std)).toBeLessThanOrEqual(tolerance * stats.std)
      stats.first.forEach((value, i) => expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(tolerance * stats.std))
    }
    await m.dispose()
  })
})
