/** @file Optimizers in the files of Keras 1 and 2, and of half precision: their names, and what is left out or added in their memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { writeHdf5 } from '../../formats/keras/h5-writer.ts'
import { clearSession, layers } from '../../layers/index.ts'
import { tensor } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { model, optimizers } from '../index.ts'
import { branching, compilations, x, y } from './branching.cases.ts'
import { readOptimizer } from './optimizer-config.ts'
import { optimizerState, restoreOptimizer } from './optimizer-state.ts'

beforeEach(() => clearSession())

const numbered = compilations.filter(({ optimizer }) => typeof optimizer.learningRate === 'number')

test.each(numbered)('$name: memory without the learning rate', async ({ optimizer }) => {
  const [net, other] = [branching(), branching()]
  for (const each of [net, other]) each.compile({ optimizer, loss: 'categoricalCrossentropy' })
  await net.trainOnBatch(x, y)
  const wanted = optimizerState(net.compiled).variables.filter(({ name }) => !/\/(?:learning_rate|u_product)$/u.test(name))
  const saved = wanted.map(({ name, shape, tensor: { data } }) => {
    const tensor = { data: Float32Array.from(data, Number), shape, dtype: 'float32' as const }
    return { name, shape, read: () => tensor }
  })
  restoreOptimizer(other.compiled, saved)
  expect(other.compiled.iterations).toBe(1)
  expect(optimizerState(other.compiled).variables).toEqual(optimizerState(net.compiled).variables)
  await Promise.all([net.dispose(), other.dispose()])
})

test.each([false, true])('the momentum that Keras 2 keeps for an SGD without one is left aside; with averages: %s', (useEma) => {
  const [net, other] = [branching(), branching()]
  net.compile({ optimizer: optimizers.sgd({ momentum: 0.9, useEma }), loss: 'mse' })
  other.compile({ optimizer: optimizers.sgd({ learningRate: 0.25, useEma }), loss: 'mse' })
  net.compiled.iterations = 7
  const saved = optimizerState(net.compiled).variables.map(({ name, shape, tensor: { data } }) => {
    const tensor = { data: Float32Array.from(data, Number), shape, dtype: 'float32' as const }
    return { name, shape, read: () => tensor }
  })
  // Of another model's file nobody knows whose memory it is.
  expect(() => restoreOptimizer(other.compiled, saved)).toThrow(`expected ${useEma ? other.compiled.trainable.length : 0}`)
  restoreOptimizer(other.compiled, saved, { isSame: true })
  expect(other.compiled.iterations).toBe(7)
})

test('nor does a .weights.h5 of Keras 2 say whose memory it holds', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rootstock-keras2-'))
  const path = join(folder, 'sgd.weights.h5')
  const tensors = [tensor(new Float32Array(6), [3, 2]), tensor(new Float32Array(2), [2])]
  await writeHdf5(path, { bytes: 4096 }, (writer) => {
    const put = (to: string, of: (typeof tensors)[number]): void => writer.dataset(to, { shape: of.shape, tensor: of })
    tensors.forEach((of, i) => put(`/layers/dense/vars/${i}`, of))
    ;[tensor([7], []), ...tensors].forEach((of, i) => put(`/optimizer/vars/${i}`, of))
  })
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const start = layers.input({ shape: [3] })
  const net = model({ inputs: start, outputs: layers.dense({ units: 2 })(start) })
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  await net.loadWeights(path)
  expect(net.compiled.iterations).toBe(7)
  expect(warned).not.toHaveBeenCalled()
  net.compile({ optimizer: 'adam', loss: 'mse' })
  await net.loadWeights(path)
  expect(warned).toHaveBeenCalledWith(expect.stringMatching(/holds 2 tensors of the optimizer's state, expected 4/u), 'RootstockWarning')
  rmSync(folder, { recursive: true })
})

test('a file of Keras 3 that was compiled and never trained holds a rate, and is taken without a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rootstock-untrained-'))
  const path = join(folder, 'untrained.weights.h5')
  const number = (value: number): Tensor<'float32'> => tensor([value], [])
  await writeHdf5(path, { bytes: 4096 }, (writer) => {
    const put = (to: string, of: Tensor<'float32'>): void => writer.dataset(to, { shape: of.shape, tensor: of })
    put('/layers/dense/vars/0', tensor(new Float32Array(6), [3, 2]))
    ;[number(0), number(0.25)].forEach((of, i) => put(`/optimizer/vars/${i}`, of))
  })
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  warned.mockClear()
  const start = layers.input({ shape: [3] })
  const net = model({ inputs: start, outputs: layers.dense({ units: 2, useBias: false })(start) })
  net.compile({ optimizer: 'adam', loss: 'mse' })
  await net.loadWeights(path)
  expect(net.compiled).toMatchObject({ iterations: 0, learningRate: 0.25 })
  expect(warned).not.toHaveBeenCalled()
  // What has trained here would lose its memory.
  await net.trainOnBatch(tensor([1, 2, 3], [1, 3]), tensor([1, 0], [1, 2]))
  await net.loadWeights(path)
  expect(warned).toHaveBeenCalledWith(expect.stringMatching(/holds 0 tensors of the optimizer's state, expected 2/u), 'RootstockWarning')
  await net.dispose()
  rmSync(folder, { recursive: true })
})

test('the memory of an optimizer that Keras 3 has wrapped for half precision', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rootstock-scaled-'))
  const path = join(folder, 'half.weights.h5')
  const number = (value: number): Tensor<'float32'> => tensor([value], [])
  const weight = tensor(new Float32Array(6).fill(0.5), [3, 2])
  const inner = [number(7), number(0.25), weight]
  await writeHdf5(path, { bytes: 4096 }, (writer) => {
    const put = (to: string, of: Tensor<'float32'>): void => writer.dataset(to, { shape: of.shape, tensor: of })
    put('/layers/dense/vars/0', weight)
    inner.forEach((of, i) => put(`/optimizer/inner_optimizer/vars/${i}`, of))
    ;[number(0), number(0), number(8), number(16384), ...inner].forEach((of, i) => put(`/optimizer/vars/${i}`, of))
  })
  const start = layers.input({ shape: [3] })
  const net = model({ inputs: start, outputs: layers.dense({ units: 2, useBias: false })(start) })
  net.compile({ optimizer: optimizers.sgd({ momentum: 0.9 }), loss: 'mse' })
  await net.loadWeights(path)
  expect(net.compiled).toMatchObject({ iterations: 7, learningRate: 0.25 })
  expect(optimizerState(net.compiled).variables.at(-1)?.tensor.data).toEqual(weight.data)
  rmSync(folder, { recursive: true })
})

test('the names of classes', () => {
  const config = { name: 'Adam', jit_compile: false, is_legacy_optimizer: false, learning_rate: 0.5, amsgrad: true }
  expect(readOptimizer({ class_name: 'Custom>Adam', config })).toMatchObject({ name: 'Adam', learningRate: 0.5, config: { amsgrad: true } })
  const old = { module: 'keras.optimizers.legacy', class_name: 'Adam', config: { name: 'Adam', decay: 0, learning_rate: 0.5 } }
  expect(readOptimizer({ ...old, registered_name: null })).toMatchObject({ name: 'Adam', learningRate: 0.5 })
  expect(() => readOptimizer({ class_name: 'Custom>Mine', config: {} })).toThrow('Rootstock has no optimizer Mine')
})

const moved = [
  { optimizer: optimizers.sgd({ momentum: 0.9 }), slots: ['momentum'] },
  { optimizer: optimizers.adam(), slots: ['momentum', 'velocity'] },
  { optimizer: optimizers.adagrad(), slots: ['accumulator'] },
]
const forms = [
  { version: 'Keras 1', weightName: (path: string) => path.replace('/', '_'), stateName: (i: number) => `Variable_${i + 8}:0` },
  { version: 'Keras 2.2', weightName: (path: string) => path.split('/')[1], stateName: (i: number) => `training/Adam/Variable_${i}:0` },
  { version: 'Keras 2.3', weightName: (path: string) => path.split('/')[1], stateName: (i: number) => `training/Adam/m_${i}:0` },
]

describe.each(forms)('$version counts the variables of its optimizers', ({ version, weightName, stateName }) => {
  test.each(moved)('$slots', async ({ optimizer, slots }) => {
    const [net, other] = [branching(), branching()]
    for (const each of [net, other]) each.compile({ optimizer: { ...optimizer }, loss: 'categoricalCrossentropy' })
    await net.trainOnBatch(x, y)
    const names = new Map(other.weights.map((weight) => [weight, `${weight.path.split('/')[0]}/${weightName(weight.path)}:0`]))
    const order = net.compiled.trainable.map((variable) => variable.path)
    // Keras 1 sorts the weights by their names.
    if (version === 'Keras 1') order.sort((a, b) => (a.replace('/', '_') < b.replace('/', '_') ? -1 : 1))
    const state = optimizerState(net.compiled).variables
    const memory = slots.flatMap((slot) => order.map((path) => state.find(({ name }) => name.endsWith(`/${path.replace('/', '_')}_${slot}`))!)) // prettier-ignore
    // Adam without amsgrad keeps one number for each weight in place of the third memory.
    const idle = slots.length === 2 ? order.map(() => ({ shape: [1], tensor: { data: Float32Array.of(0) } })) : []
    const saved = [...memory, ...idle].map(({ shape, tensor: { data } }, i) => {
      const tensor = { data: Float32Array.from(data, Number), shape, dtype: 'float32' as const }
      return { name: stateName(i), shape, read: () => tensor }
    })
    const steps = { name: 'Variable_7:0', shape: [], read: () => ({ data: Float32Array.of(1), shape: [], dtype: 'float32' as const }) }
    restoreOptimizer(other.compiled, [steps, ...saved], { names })
    expect(optimizerState(other.compiled).variables).toEqual(state)
    await Promise.all([net.dispose(), other.dispose()])
  })
})
