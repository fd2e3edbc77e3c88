/** @file Updates outside the graph: the numbers of the graph's own operators, and one memory for whatever happens to the weights in between. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { engine } from '../engine/index.ts'
import { add, batchNormalization, clearSession, dense, input } from '../layers/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { earlyStopping, swapEmaWeights } from './callbacks/index.ts'
import type { CompileOptions } from './compile.ts'
import type { FitOptions } from './fit-options.ts'
import { model, type Model } from './model.ts'
import * as optimizers from './optimizers/index.ts'
import { photos, weightsOf } from './small.cases.ts'
import { recordStep, type GradientStore, type StepPlan } from './step-graph.ts'
import { compileSteps } from './step.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-updates-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const all = photos(26)
const x: Tensor<'float32'> = { ...all.x, data: all.x.data.slice(0, 26 * 128), shape: [26, 128] }
const y = all.y

/** 256 × 1,024 weights are enough, with a layer before that needs their gradient too; a weight of one number is among them. */
function large(): Model {
  clearSession()
  const photo = input({ shape: [128] })
  const first = dense({ units: 256, activation: 'relu', name: 'first' })(photo)
  const hidden = batchNormalization({ name: 'norm' })(dense({ units: 1024, activation: 'relu', name: 'wide' })(first))
  const one = dense({ units: 1, name: 'one' })(hidden)
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(one) })
}

function planFor(compile: Partial<CompileOptions>): StepPlan {
  const net = large()
  net.compile({ loss: 'categoricalCrossentropy', ...compile })
  return { model: net, compiled: net.compiled, shape: [26, 128], features: [net.input.name], seed: 0 }
}

/** Weights and the optimizer's state after some steps. Without blocks the graph updates everything itself. */
async function after(steps: number, block: number, compile: Partial<CompileOptions>): Promise<Map<string, Float32Array>> {
  const gradients: GradientStore = new Map()
  const plan = { ...planFor(compile), gradients }
  const built = recordStep(plan, block)
  expect(built.updates.length > 0).toBe(block > 0)
  const step = await compileSteps(plan, built, 1)
  const weights: Tensor<'float32'> = { data: new Float32Array(26).fill(1), shape: [26], dtype: 'float32' }
  for (let i = 0; i < steps; i++) await step.run([{ features: [x], targets: y, weights }])
  await step.dispose()
  const rows = plan.model.weights.map((weight): [string, Float32Array] => [weight.path, weight.value().data])
  for (const [weight, slots] of plan.compiled.slots)
    for (const [slot, { current }] of Object.entries(slots)) rows.push([`${weight.path}/${slot}`, current.data])
  for (const [weight, { data }] of gradients) rows.push([`${weight.path}/gradient`, data])
  return new Map(rows)
}

describe('the numbers of the graph', () => {
  const { adam, adamW, adagrad, lion, nadam, rmsprop, sgd } = optimizers
  it.each<[string, Partial<CompileOptions>]>([
    ['SGD', { optimizer: sgd({ learningRate: 0.1 }) }],
    ['SGD, Nesterov', { optimizer: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }) }],
    ['SGD, averages that replace the weights', { optimizer: sgd({ momentum: 0.9, useEma: true, emaOverwriteFrequency: 2 }) }],
    ['Adam', { optimizer: adam() }],
    ['Adam, amsgrad, clipped by its norm', { optimizer: adam({ amsgrad: true, clipnorm: 0.1 }) }],
    ['Adam, clipped by the norm of all', { optimizer: adam({ globalClipnorm: 0.1 }) }],
    ['AdamW, clipped by value, slower head', { optimizer: adamW({ clipvalue: 0.01 }), learningRateFactors: { head: 0.1 } }],
    ['RMSprop, centered', { optimizer: rmsprop({ centered: true, momentum: 0.5 }) }],
    ['Adagrad', { optimizer: adagrad({ learningRate: 0.01 }) }],
    // A larger epsilon does not enlarge what gradients next to nothing differ by.
    ['Nadam', { optimizer: nadam({ epsilon: 1e-5 }) }],
    ['Lion', { optimizer: lion({ learningRate: 1e-4 }) }],
  ])('%s', async (_, compile) => {
    const block = await engine().blockSize()
    if (block === 0) return
    const [graph, loops] = [await after(3, 0, compile), await after(3, block, compile)]
    expect([...loops.keys()]).toEqual([...graph.keys()])
    expect(loops.has('wide/kernel/gradient')).toBe(true)
    for (const [name, numbers] of graph) {
      const found = loops.get(name)!
      // Products add up in another order. Where a gradient is next to nothing that may turn its sign, and some rules take a whole step for it.
      const apart = numbers.filter((value, i) => Math.abs(value - found[i]!) > 5e-6).length
      expect(apart / numbers.length, name).toBeLessThan(0.01)
    }
  })
})

/** Two wide layers whose outputs are added: their kernels have one gradient. */
function twins(): Model {
  clearSession()
  const photo = input({ shape: [128] })
  const sum = add({})([dense({ units: 1024, name: 'left' })(photo), dense({ units: 1024, name: 'right' })(photo)])
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax', name: 'head' })(sum) })
}

async function fitted(net: Model, options: FitOptions): Promise<Record<string, number[]>> {
  await net.fit(x, y, { batchSize: 8, ...options })
  return weightsOf(net)
}

const compiled = (net: Model, optimizer: CompileOptions['optimizer'] = optimizers.adam()): Model => {
  net.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return net
}

describe('whatever happens between steps', () => {
  it('one gradient moves both of its weights', async () => {
    const before = await weightsOf(compiled(twins()))
    const net = compiled(twins(), optimizers.sgd({ learningRate: 0.5 }))
    const after = await fitted(net, { epochs: 1 })
    const moved = (name: string): number[] => after[name]!.map((value, i) => value - before[name]![i]!)
    const [left, right] = [moved('left/kernel'), moved('right/kernel')]
    expect(left.some((value) => Math.abs(value) > 1e-3)).toBe(true)
    expect(left.every((value, i) => Math.abs(value - right[i]!) < 1e-6)).toBe(true)
  })

  it('weights that are set count from the next step on', async () => {
    const net = compiled(large())
    const start = net.weights.map((weight) => weight.value())
    const first = await fitted(net, { epochs: 2 })
    net.weights.forEach((weight, i) => weight.assign(start[i]!))
    expect(await fitted(compiled(net), { epochs: 2 })).toEqual(first)
    expect(await fitted(compiled(large()), { epochs: 2 })).toEqual(first)
  })

  it('another optimizer begins with the same weights and a memory of its own', async () => {
    const two = compiled(large())
    await fitted(two, { epochs: 1 })
    const middle = two.weights.map((weight) => weight.value())
    const next = await fitted(compiled(two, optimizers.sgd({ momentum: 0.9 })), { epochs: 1 })
    const fresh = large()
    fresh.weights.forEach((weight, i) => weight.assign(middle[i]!))
    expect(await fitted(compiled(fresh, optimizers.sgd({ momentum: 0.9 })), { epochs: 1 })).toEqual(next)
  })

  it('a run that is taken up again gives the same bits', async () => {
    const whole = await fitted(compiled(large()), { epochs: 4 })
    const checkpoint = { folder: join(scratch, 'taken-up') }
    await fitted(compiled(large()), { epochs: 2, checkpoint })
    expect(await fitted(compiled(large()), { epochs: 4, checkpoint, resume: true })).toEqual(whole)
  })

  it('the best weights come back, and averages go in and out', async () => {
    const best = earlyStopping({ monitor: 'loss', mode: 'max', patience: 1, restoreBestWeights: true })
    const stopped = await fitted(compiled(large()), { epochs: 5, callbacks: [best] })
    expect(stopped).toEqual(await fitted(compiled(large()), { epochs: 1 }))
    const averaging = (): CompileOptions['optimizer'] => optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 })
    const swapped = await fitted(compiled(large(), averaging()), { epochs: 2, callbacks: [swapEmaWeights({ swapOnEpoch: true })] })
    expect(swapped['wide/kernel']).toEqual((await fitted(compiled(large(), averaging()), { epochs: 2 }))['wide/kernel'])
  })
})
