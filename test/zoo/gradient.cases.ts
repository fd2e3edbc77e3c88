/** @file One backward pass of one network against Keras's own: every gradient, and the moving statistics after the step. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { application, preprocessInput } from '../../src/applications/index.ts'
import { engine } from '../../src/engine/index.ts'
import { gradients, spellOutBatchStatistics, steps, type Value } from '../../src/graph/index.ts'
import { clearSession, dense, type Variable } from '../../src/layers/index.ts'
import { lower, type Lowered } from '../../src/models/index.ts'
import type { Tensor } from '../../src/tensor/index.ts'
import { losses, model, type Model } from '../../src/training/index.ts'
import { logitsOf } from '../../src/training/step-graph.ts'
import { formula, moments, photo } from '../golden/formula.ts'

type Row = readonly [path: string, norm: number, first: readonly number[], noise: number]
interface Pass {
  readonly loss: number
  readonly lossNoise: number
  readonly gradients: readonly Row[]
  readonly moving?: readonly (readonly [path: string, mean: number, first: readonly number[]])[]
}
interface Golden {
  readonly args: { readonly alpha?: number }
  readonly salt: string
  readonly gain: number
  readonly inputScale: number
  readonly input: readonly [number, number, number, number]
  readonly labels: readonly number[]
  readonly classes: number
  readonly train: Pass
  readonly frozenStatistics: Pass
}

const modes = ['train', 'frozenStatistics'] as const
type Mode = (typeof modes)[number]

/** Rectifiers near zero turn rounding into steps, and batch statistics spread them: float32 is not more exact, in Keras neither. */
const tolerance: Readonly<Record<Mode, { readonly norm: number; readonly value: number }>> = {
  train: { norm: 5e-3, value: 5e-2 },
  frozenStatistics: { norm: 1e-3, value: 2e-2 },
}

type Exact = Readonly<Record<string, Readonly<Record<Mode, readonly (readonly number[])[]>>>>
const { networks: exact, probabilities } = JSON.parse(
  readFileSync(new URL('../golden/gradient_float64.json', import.meta.url), 'utf8'),
) as {
  readonly networks: Exact
  readonly probabilities: Readonly<Record<string, Readonly<Record<Mode, readonly number[]>>>>
}

/** Tests of test/golden/gradient_<keras>.json. */
export function describeGradients(keras: string): void {
  const golden = JSON.parse(readFileSync(new URL(`../golden/gradient_${keras}.json`, import.meta.url), 'utf8')) as Golden
  describe.each(modes)(`${keras}, %s`, (mode) => {
    test('has the gradients of Keras', async () => {
      const wanted = golden[mode]
      const net = await networkOf(keras, golden)
      const found = await backward(net, golden, { keras, training: mode === 'train' })
      expectNear(found.loss, wanted.loss, { relative: Math.max(1e-4, 10 * wanted.lossNoise), where: 'loss' })
      found.probabilities.forEach((p, i) =>
        expectNear(p, probabilities[keras]?.[mode][i] ?? NaN, { relative: 0, absolute: 1e-4, where: 'probability' }),
      )
      expect([...found.gradients.keys()].map(({ path }) => path)).toEqual(wanted.gradients.map(([path]) => path))
      const faults = [...found.gradients].flatMap(([variable, gradient], i) =>
        compare(variable, gradient, { row: wanted.gradients[i], exact: exact[keras]?.[mode][i], mode }),
      )
      expect(faults).toEqual([])
      const moving = [...found.moving].map(([variable, value]) => ({ path: variable.path, value }))
      expect(moving.map(({ path }) => path)).toEqual((wanted.moving ?? []).map(([path]) => path))
      moving.forEach(({ path, value }, i) => {
        const [, mean = NaN, first = []] = wanted.moving?.[i] ?? []
        expectNear(moments(value.data).mean, mean, { relative: 1e-4, absolute: 1e-5, where: path })
        first.forEach((number, k) => expectNear(value.data[k] ?? NaN, number, { relative: 1e-4, absolute: 1e-5, where: path }))
      })
    })
  })
}

async function networkOf(keras: string, { args, input, classes, gain, salt }: Golden): Promise<Model> {
  clearSession()
  const options = { ...args, weights: null, includeTop: false, pooling: 'avg', inputShape: input.slice(1) } as const
  const base = await application(keras, options)
  const outputs = dense({ units: classes, activation: 'softmax', name: 'dense_output' })(base.output)
  const net = model({ inputs: base.input, outputs })
  for (const weight of net.weights) weight.assign(formula(weight.path, weight.shape, gain, salt))
  return net
}

interface Backward {
  readonly loss: number
  readonly probabilities: Float32Array
  /** In Keras's layout, as all trainable weights and in their order. */
  readonly gradients: ReadonlyMap<Variable, Tensor<'float32'>>
  readonly moving: ReadonlyMap<Variable, Tensor<'float32'>>
}

/** The network's weights are lost. */
async function backward(net: Model, golden: Golden, { keras, training }: { keras: string; training: boolean }): Promise<Backward> {
  const lowered = lower(net, { training, shapes: [golden.input] })
  const { targets, loss, trainable, slopes } = recordLoss(net, lowered, golden)
  const updates = net.weights.flatMap((variable) => (lowered.updates.has(variable) ? [variable] : []))
  const moved = updates.map((variable) => valueIn(lowered.updates, variable))
  const probabilities = lowered.outputs[0]
  if (!probabilities) throw new Error('no output')
  const { graph, at } = spellOutBatchStatistics(lowered.tape.graph([loss, probabilities, ...slopes, ...moved]))
  const program = await engine().compile(graph)
  try {
    const photos = preprocessInput(keras, photo(`train/${keras}`, golden.input))
    const feeds = new Map<Value, Tensor>([[targets, oneHot(golden)]])
    for (const input of lowered.inputs) feeds.set(input, { ...photos, data: photos.data.map((value) => value * golden.inputScale) })
    const results = await program.run(feeds)
    const numbers = (value: Value): Tensor<'float32'> => results.get(at(value)) as Tensor<'float32'>
    return {
      loss: numbers(loss).data[0] ?? NaN,
      probabilities: numbers(probabilities).data,
      gradients: new Map(trainable.map((variable, i) => [variable, inKerasLayout(variable, numbers(valueAt(slopes, i)))])),
      moving: new Map(updates.map((variable) => [variable, numbers(valueIn(lowered.updates, variable))])),
    }
  } finally {
    await program.dispose()
  }
}

interface Recorded {
  readonly targets: Value
  readonly loss: Value
  readonly trainable: readonly Variable[]
  readonly slopes: readonly Value[]
}

function recordLoss(net: Model, { tape, outputs, variables }: Lowered, { input, classes }: Golden): Recorded {
  const predictions = valueAt(outputs, 0)
  const targets = tape.input('targets', { shape: [input[0], classes], dtype: 'float32' })
  const perSample = losses.categoricalCrossentropy().perSample({ tape, targets, predictions, logits: logitsOf(tape, predictions) })
  const loss = steps.scale(tape, steps.sumOver(tape, perSample, [0]), 1 / input[0])
  const trainable = net.trainableWeights
  const found = gradients(
    tape,
    loss,
    trainable.map((variable) => valueIn(variables, variable)),
  )
  return { targets, loss, trainable, slopes: found.map((_, i) => valueAt(found, i)) }
}

function oneHot({ labels, classes }: Golden): Tensor<'float32'> {
  const data = new Float32Array(labels.length * classes)
  labels.forEach((label, i) => (data[i * classes + label] = 1))
  return { data, shape: [labels.length, classes], dtype: 'float32' }
}

/** A variable knows how its numbers lie in the graph and in Keras. */
function inKerasLayout(variable: Variable, gradient: Tensor<'float32'>): Tensor<'float32'> {
  variable.setGraphValue(gradient)
  return variable.value()
}

interface Figures {
  /** Keras in float32. */
  readonly row: Row | undefined
  /** Keras in float64: norm, first two values. */
  readonly exact: readonly number[] | undefined
  readonly mode: Mode
}

/** What is wrong with a gradient, in words. It may lie anywhere between Keras's own two figures, and beyond them by the tolerance. */
function compare(variable: Variable, { data }: Tensor<'float32'>, { row, exact, mode }: Figures): string[] {
  if (!row || !exact) return [`${variable.path}: nothing to compare`]
  const [path, norm, first, noise] = row
  const found = [Math.sqrt(data.reduce((sum, value) => sum + value * value, 0)), ...data.subarray(0, first.length)]
  // A single value is as exact as the typical one of its tensor.
  const typical = norm / Math.sqrt(data.length)
  const least = isRounding(variable, norm) ? 1e-5 : 0
  return [norm, ...first].flatMap((wanted, i) => {
    const other = exact[i] ?? NaN
    const relative = i === 0 ? Math.max(tolerance[mode].norm, 10 * noise) : tolerance[mode].value
    const allowed = Math.max(relative * (i === 0 ? norm : Math.max(Math.abs(wanted), typical)), least)
    const value = found[i] ?? NaN
    const isNear = value >= Math.min(wanted, other) - allowed && value <= Math.max(wanted, other) + allowed
    const what = i === 0 ? 'norm' : `value ${i - 1}`
    return isNear ? [] : [`${path}: ${what} is ${value}, expected ${wanted} (float64: ${other}) ± ${allowed}`]
  })
}

/** Batch statistics take the bias before them away again: its gradient is zero but for rounding. */
function isRounding({ name }: Variable, norm: number): boolean {
  return name === 'bias' && norm < 1e-4
}

interface Closeness {
  readonly relative: number
  readonly absolute?: number
  readonly where: string
}

function expectNear(found: number, wanted: number, { relative, absolute = 0, where }: Closeness): void {
  expect(Math.abs(found - wanted), `${where}: found ${found}, expected ${wanted}`).toBeLessThanOrEqual(
    Math.max(relative * Math.abs(wanted), absolute),
  )
}

function valueIn(values: ReadonlyMap<Variable, Value>, variable: Variable): Value {
  const found = values.get(variable)
  if (!found) throw new Error(`no value for ${variable.path}`)
  return found
}

function valueAt(values: readonly (Value | undefined)[], index: number): Value {
  const found = values[index]
  if (!found) throw new Error(`no value ${index}`)
  return found
}
