/** @file Optimizers in the files of Keras 2.11 to 2.15: their names, and their memory, which has no learning rate. */
import { beforeEach, expect, test } from 'vitest'
import { clearSession } from '../../layers/index.ts'
import { optimizers } from '../index.ts'
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

test('the momentum that Keras 2 keeps for an SGD without one is left aside, and its steps go on', () => {
  const [net, other] = [branching(), branching()]
  net.compile({ optimizer: optimizers.sgd({ momentum: 0.9 }), loss: 'mse' })
  other.compile({ optimizer: optimizers.sgd({ learningRate: 0.25 }), loss: 'mse' })
  net.compiled.iterations = 7
  const saved = optimizerState(net.compiled).variables.map(({ name, shape, tensor: { data } }) => {
    const tensor = { data: Float32Array.from(data, Number), shape, dtype: 'float32' as const }
    return { name, shape, read: () => tensor }
  })
  // Of another model's file nobody knows whose memory it is.
  expect(() => restoreOptimizer(other.compiled, saved)).toThrow(/holds \d+ tensors of the optimizer's state, expected 0/u)
  restoreOptimizer(other.compiled, saved, true)
  expect(other.compiled.iterations).toBe(7)
})

test('the name in .h5 files', () => {
  const config = { name: 'Adam', jit_compile: false, is_legacy_optimizer: false, learning_rate: 0.5, amsgrad: true }
  expect(readOptimizer({ class_name: 'Custom>Adam', config })).toMatchObject({ name: 'Adam', learningRate: 0.5, config: { amsgrad: true } })
  expect(() => readOptimizer({ class_name: 'Custom>Mine', config: {} })).toThrow('Rootstock has no optimizer Mine')
})
