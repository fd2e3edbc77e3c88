/** @file Compilations one after the other: what the optimizer remembers, and which layers train, held to Keras's losses. */
import { describe, expect, it } from 'vitest'
import { dense, input } from '../layers/index.ts'
import { tensor } from '../tensor/index.ts'
import { model, type Model } from './model.ts'
import { adam, sgd } from './optimizers/index.ts'

const close = (found: readonly number[], expected: readonly number[]): void =>
  expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5))

// Keras 3.15: two dense layers of ones, and the losses of two steps at a time.
const x = tensor([1, 0, 0, 1, 1, 1, 2, -1, -1, 0.5, 0.5, 2], [6, 2])
const y = tensor([1, 2, 0, -1, 0.5, 3], [6, 1])
const ones = (): Model => {
  const pair = input({ shape: [2] })
  const hidden = dense({ units: 2, kernelInitializer: 'ones', name: 'hidden' })(pair)
  return model({ inputs: pair, outputs: dense({ units: 1, kernelInitializer: 'ones' })(hidden) })
}
const twoSteps = async (net: Model): Promise<number[]> => {
  const losses: number[] = []
  for (let i = 0; i < 2; i++) losses.push((await net.trainOnBatch(x, y))['loss']!)
  return losses
}

describe('a change of trainable', () => {
  it.each([
    ['before the first step after compile counts', 0, [5.375, 3.9746952], [1, 1, 1, 1]],
    ['after it waits for the next compile', 1, [3.1645012, 2.2870722], [0.8045942, 0.8045942, 0.9580858, 0.9580858]],
  ])('%s', async (_, steps, losses, kernel) => {
    const net = ones()
    net.compile({ optimizer: sgd({ learningRate: 0.02 }), loss: 'mse' })
    for (let i = 0; i < steps; i++) await net.trainOnBatch(x, y)
    net.getLayer('hidden').trainable = false
    expect(net.compiled.trainable.map(({ path }) => path).includes('hidden/kernel')).toBe(steps > 0)
    close(await twoSteps(net), losses)
    close([...net.getLayer('hidden').weights[0]!.value().data].map(Number), kernel)
    await net.dispose()
  })
})

describe('compile with an optimizer that has trained before', () => {
  it.each([
    ['adam', () => adam({ learningRate: 0.1 }), [5.375, 2.9849122], [1.954752, 1.6488756]],
    ['sgd with momentum', () => sgd({ learningRate: 0.02, momentum: 0.9 }), [5.375, 3.1645012], [1.5417562, 1.2908237]],
  ])('%s goes on', async (_, make, first, second) => {
    const [net, optimizer] = [ones(), make()]
    for (const [i, losses] of [first, second].entries()) {
      net.compile({ optimizer, loss: 'mse' })
      expect(net.compiled.iterations).toBe(2 * i)
      close(await twoSteps(net), losses)
    }
    await net.dispose()
  })

  it('remembers weights that rested in between', async () => {
    const [net, optimizer] = [ones(), adam({ learningRate: 0.1 })]
    const rounds = [[5.375, 2.9849122], [1.954752, 1.7845341], [1.7241024, 1.7092055]] // prettier-ignore
    for (const [i, losses] of rounds.entries()) {
      net.getLayer('hidden').trainable = i !== 1
      net.compile({ optimizer, loss: 'mse' })
      close(await twoSteps(net), losses)
    }
    await net.dispose()
  })

  it('keeps a rate that was changed', async () => {
    const [net, optimizer] = [ones(), sgd({ learningRate: 0.02 })]
    net.compile({ optimizer, loss: 'mse' })
    await net.fit(x, y, { callbacks: [{ name: 'slower', onTrainBegin: (control) => void (control.learningRate = 0.01) }] })
    net.compile({ optimizer, loss: 'mse' })
    expect(net.compiled.learningRate).toBe(Math.fround(0.01))
    await net.dispose()
  })

  it('begins anew where other weights train too, which Keras refuses', async () => {
    const [net, optimizer] = [ones(), adam({ learningRate: 0.1 })]
    net.getLayer('hidden').trainable = false
    net.compile({ optimizer, loss: 'mse' })
    await twoSteps(net)
    net.getLayer('hidden').trainable = true
    net.compile({ optimizer, loss: 'mse' })
    expect([net.compiled.iterations, net.compiled.slots.size]).toEqual([0, 0])
    await net.dispose()
  })
})
