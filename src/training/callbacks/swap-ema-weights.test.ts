/** @file Moving averages of weights: what the optimizer keeps, and when the model holds them. */
import { describe, expect, it } from 'vitest'
import type { Callback } from '../callback.ts'
import type { Model } from '../model.ts'
import { adagrad, adam, sgd, type Optimizer } from '../optimizers/index.ts'
import { part, photos, smallNet, weightsOf } from '../small.cases.ts'
import { lambdaCallback } from './lambda-callback.ts'
import { swapEmaWeights } from './swap-ema-weights.ts'

const data = photos(16)
const held = part(photos(8, 1), 0, 8)
const rate = { learningRate: 0.05 }

async function train(optimizer: Optimizer, callbacks: readonly Callback[] = [], epochs = 2): Promise<Model> {
  const net = smallNet()
  net.compile({ optimizer, loss: 'categoricalCrossentropy' })
  await net.fit(data.x, data.y, { epochs, batchSize: 8, shuffle: false, validationData: [held.x, held.y], callbacks })
  return net
}

/** The head's kernel after every step of training. */
function recorder(into: number[][]): Callback {
  return lambdaCallback({
    onTrainBatchEnd: async (_batch, _logs, control) => {
      into.push([...(await control.model.weights.find(({ path }) => path === 'head/kernel')!.read()).data] as number[])
    },
  })
}

/** a ← μ·a + (1 − μ)·w, beginning with the first w. */
function average(steps: readonly number[][], momentum: number): number[] {
  return steps.slice(1).reduce((mean, weights) => mean.map((old, i) => momentum * old + (1 - momentum) * weights[i]!), steps[0]!)
}

describe('useEma', () => {
  it.each([
    ['sgd', sgd({ ...rate, momentum: 0.9, useEma: true, emaMomentum: 0.7 })],
    ['adam', adam({ ...rate, useEma: true, emaMomentum: 0.7 })],
    ['adagrad', adagrad({ ...rate, useEma: true, emaMomentum: 0.7 })],
  ])('leaves the averages in the model at the end (%s)', async (_name, optimizer) => {
    const steps: number[][] = []
    const net = await train(optimizer, [recorder(steps)])
    const found = (await weightsOf(net))['head/kernel']!
    const expected = average(steps, 0.7)
    expect(steps.length).toBe(4)
    found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
    expect(Math.max(...found.map((value, i) => Math.abs(value - steps.at(-1)![i]!)))).toBeGreaterThan(1e-4)
  })

  it('does not disturb the weights on their way', async () => {
    const [plain, beside]: [number[][], number[][]] = [[], []]
    await train(adam(rate), [recorder(plain)])
    await train(adam({ ...rate, useEma: true }), [recorder(beside)])
    expect(beside).toEqual(plain)
  })

  it('overwrites the weights every so many steps', async () => {
    const steps: number[][] = []
    const once: number[][] = []
    await train(sgd({ ...rate, useEma: true, emaMomentum: 0.5, emaOverwriteFrequency: 2 }), [recorder(steps)])
    await train(sgd(rate), [recorder(once)])
    expect(steps[0]).toEqual(once[0])
    const expected = average(once.slice(0, 2), 0.5)
    steps[1]!.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
  })

  it.each([{ emaMomentum: 2 }, { emaMomentum: NaN }, { emaOverwriteFrequency: 0 }])('refuses %j', (options) => {
    expect(() => sgd({ useEma: true, ...options })).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})

describe('swapEmaWeights', () => {
  const optimizer = () => sgd({ ...rate, useEma: true, emaMomentum: 0.5 })

  async function looks(swapOnEpoch: boolean, epochs = 2, extra: readonly Callback[] = []) {
    const seen: Record<string, number[][]> = { trained: [], test: [], epoch: [] }
    const read = async (where: string, control: Parameters<NonNullable<Callback['onTestBegin']>>[0]): Promise<void> => {
      seen[where]!.push([...(await control.model.weights.find(({ path }) => path === 'head/kernel')!.read()).data] as number[])
    }
    const look = lambdaCallback({
      onTrainBatchEnd: (_batch, _logs, control) => read('trained', control),
      onTestBegin: (control) => read('test', control),
      onEpochEnd: (_epoch, _logs, control) => read('epoch', control),
    })
    const net = await train(optimizer(), [swapEmaWeights({ swapOnEpoch }), look, ...extra], epochs)
    return { seen, final: (await weightsOf(net))['head/kernel']! }
  }

  it('validates with the averages and trains on with the weights', async () => {
    const plain: number[][] = []
    await train(sgd(rate), [recorder(plain)])
    const { seen, final } = await looks(false)
    expect(seen['trained']).toEqual(plain)
    expect(seen['test']!.length).toBe(2)
    seen['test']!.forEach((found, epoch) => {
      const expected = average(plain.slice(0, 2 * (epoch + 1)), 0.5)
      found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
    })
    expect(seen['epoch']).toEqual([plain[1], plain[3]])
    expect(final).toEqual(seen['test']!.at(-1))
  })

  it('leaves the averages to the callbacks after it, with swapOnEpoch', async () => {
    const { seen, final } = await looks(true)
    expect(seen['epoch']).toEqual(seen['test'])
    expect(final).toEqual(seen['test']!.at(-1))
  })

  it('keeps the averages also when the run ends early', async () => {
    const stop = lambdaCallback({ onEpochEnd: (_epoch, _logs, control) => control.stop('enough') })
    const { seen, final } = await looks(true, 5, [stop])
    expect(seen['test']!.length).toBe(1)
    expect(final).toEqual(seen['test']!.at(-1))
  })

  it('asks for an optimizer that keeps averages', async () => {
    await expect(train(sgd(rate), [swapEmaWeights()])).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('useEma') as string,
    })
  })

  it.each(['onTestBegin', 'onTestEnd', 'onEpochEnd'] as const)("leaves training's own weights in the model when %s fails", async (hook) => {
    const net = smallNet()
    net.compile({ optimizer: optimizer(), loss: 'categoricalCrossentropy' })
    const steps: number[][] = []
    const fails = {
      name: 'fails',
      [hook]: () => {
        throw new Error('no more')
      },
    }
    const swap = swapEmaWeights({ swapOnEpoch: true })
    // Told of the end before the swap takes the averages out, as when the validation itself fails.
    const callbacks = hook === 'onTestEnd' ? [recorder(steps), fails, swap] : [recorder(steps), swap, fails]
    const options = { epochs: 1, batchSize: 8, shuffle: false, validationData: [held.x, held.y] as const, callbacks }
    await expect(net.fit(data.x, data.y, options)).rejects.toThrow('no more')
    expect((await weightsOf(net))['head/kernel']).toEqual(steps.at(-1))
  })
})
