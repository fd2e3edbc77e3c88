/** @file Optimizers against Keras's own steps (test/golden/numerics.json), on graphs of one or two weights. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formula, uniform } from '../../../test/golden/formula.ts'
import { engine } from '../../engine/index.ts'
import { createTape, type Value } from '../../graph/index.ts'
import { sizeOf, tensor, type Tensor } from '../../tensor/index.ts'
import {
  adagrad,
  adam,
  adamW,
  applyOptimizer,
  lion,
  nadam,
  optimizerNames,
  resolveOptimizer,
  rmsprop,
  sgd,
  type Optimizer,
} from './index.ts'

type Numbers = Tensor<'float32'>
const golden = (
  JSON.parse(readFileSync(new URL('../../../test/golden/numerics.json', import.meta.url), 'utf8')) as {
    optimizers: Record<string, number[][]>
  }
).optimizers

/** Keras's settings of each recorded run. */
const rows: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: 0.1 }),
  momentum: sgd({ learningRate: 0.1, momentum: 0.9 }),
  nesterov: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  adam: adam({ learningRate: 0.005, epsilon: 1e-8 }),
  adam_amsgrad: adam({ learningRate: 0.005, amsgrad: true }),
  adamw: adamW({ learningRate: 0.005, weightDecay: 0.04 }),
  rmsprop: rmsprop({ learningRate: 0.01 }),
  rmsprop_centered: rmsprop({ learningRate: 0.01, momentum: 0.5, centered: true }),
  adagrad: adagrad({ learningRate: 0.01 }),
  nadam: nadam({ learningRate: 0.01 }),
  adam_clipvalue: adam({ learningRate: 0.005, clipvalue: 0.1 }),
  adam_clipnorm: adam({ learningRate: 0.005, clipnorm: 0.3 }),
  adam_global_clipnorm: adam({ learningRate: 0.005, globalClipnorm: 0.3 }),
  adam_weight_decay: adam({ learningRate: 0.005, weightDecay: 0.01 }),
  lion: lion({ learningRate: 0.001 }),
}

/** The weights after each step, for the given gradients of each weight at each step. */
async function descend(
  optimizer: Optimizer,
  weights: readonly Numbers[],
  gradients: readonly (readonly Numbers[])[],
): Promise<Numbers[][]> {
  const tape = createTape()
  const { slots, initial = 0, scalars } = optimizer.rule
  const input = (name: string, shape: readonly number[]): Value => tape.input(name, { shape, dtype: 'float32' })
  const numbers = Object.fromEntries([...Object.keys(scalars(1, 0)), 'rate*'].map((name) => [name, input(name, [])]))
  const descents = weights.map(({ shape }, i) => ({
    weight: input(`w${i}`, shape),
    gradient: input(`g${i}`, shape),
    slots: Object.fromEntries(slots.map((slot) => [slot, input(`${slot}${i}`, shape)])),
  }))
  const applied = applyOptimizer(tape, optimizer, descents, { scalars: numbers, rate: numbers['rate*']! })
  const pairs = descents.flatMap((descent, i) => [
    [descent.weight, applied[i]!.weight] as const,
    ...slots.map((slot) => [descent.slots[slot]!, applied[i]!.slots[slot]!] as const),
  ])
  const program = await engine().compile(tape.graph(pairs.map(([, updated]) => updated)))
  const state = new Map<Value, Numbers>(
    pairs.map(([old]) => [old, tensor(new Float32Array(sizeOf(old.shape as number[])).fill(initial), old.shape as number[])]),
  )
  descents.forEach(({ weight }, i) => state.set(weight, weights[i]!))
  const rate = optimizer.learningRate as number
  const trace: Numbers[][] = []
  for (const [step, given] of gradients.entries()) {
    const feeds = new Map<Value, Tensor>(state)
    descents.forEach(({ gradient }, i) => feeds.set(gradient, given[i]!))
    const values: Record<string, number> = { ...scalars(step + 1, rate), 'rate*': rate }
    for (const [name, value] of Object.entries(numbers)) feeds.set(value, tensor([values[name]!], []))
    const results = await program.run(new Map([...feeds].filter(([value]) => program.graph.inputs.includes(value))))
    for (const [old, updated] of pairs) state.set(old, results.get(updated) as Numbers)
    trace.push(descents.map(({ weight }) => state.get(weight)!))
  }
  await program.dispose()
  return trace
}

it('there is a row for every recorded optimizer', () => {
  expect(Object.keys(rows).sort()).toEqual(Object.keys(golden).sort())
})

describe.each(Object.entries(rows))('%s', (name, optimizer) => {
  it("takes Keras's five steps", async () => {
    const gradients = [0, 1, 2, 3, 4].map((step) => [
      tensor(
        Float32Array.from(uniform(`opt/g${step}`, 6), (u) => u * 2 - 1),
        [2, 3],
      ),
    ])
    const trace = await descend(optimizer, [formula('opt/kernel', [2, 3])], gradients)
    trace.forEach(([weight], step) =>
      golden[name]![step]!.forEach((expected, i) => {
        expect(Math.abs(weight!.data[i]! / expected - 1), `step ${step}, number ${i}`).toBeLessThan(1e-5)
      }),
    )
  })
})

describe('clipping', () => {
  const [w, v] = [tensor([0, 0]), tensor([0])]
  const gradients = [[tensor([3, 4]), tensor([12])]]
  const moved = async (options: Parameters<typeof sgd>[0]): Promise<number[]> =>
    (await descend(sgd({ learningRate: 1, ...options }), [w, v], gradients))[0]!.flatMap(({ data }) => [...data])
  const close = (found: number[], expected: number[]): void => expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5))

  it('by norm looks at each weight alone', async () => close(await moved({ clipnorm: 1 }), [-0.6, -0.8, -1]))
  it('by global norm looks at all together', async () => close(await moved({ globalClipnorm: 1.3 }), [-0.3, -0.4, -1.2]))
  it('by value looks at each number', async () => close(await moved({ clipvalue: 3.5 }), [-3, -3.5, -3.5]))
  it('leaves small gradients as they are', async () => close(await moved({ globalClipnorm: 20 }), [-3, -4, -12]))
  it.each([[[2 ** 11, 2 ** 11]], [[1, 16, 64, 2 ** 12]]])('by norm keeps the digits of a gradient of shape %j', async (shape) => {
    const size = sizeOf(shape)
    const gradient = tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.37) + 1),
      shape,
    )
    const [step] = await descend(sgd({ learningRate: 1, clipnorm: 1 }), [tensor(new Float32Array(size), shape)], [[gradient]])
    const squares = step![0]!.data.reduce((sum, value) => sum + value * value, 0)
    expect(Math.abs(Math.sqrt(squares) - 1)).toBeLessThan(2e-6)
  })
  it('of a zero gradient is zero', async () => {
    const [step] = await descend(sgd({ learningRate: 1, clipnorm: 1 }), [w], [[tensor([0, 0])]])
    expect([...step![0]!.data]).toEqual([0, 0])
  })
})

it("Nadam's numbers for a step take no longer the more steps there were", () => {
  const { ahead, now } = nadam().rule.scalars(2 ** 32, 0.001)
  expect([ahead, now]).toEqual([Math.fround(0.9), expect.closeTo(1 - Math.fround(0.9), 15)])
})

it("Nadam takes Keras's first steps to the last digits, which its rounded decays decide", async () => {
  const gradients = [[tensor([0.3, -0.1, 2])], [tensor([0.2, 0.4, -1])], [tensor([-0.1, 0.25, 0.5])]]
  const trace = await descend(nadam({ learningRate: 0.5 }), [tensor([1, -2, 0.5])], gradients)
  const expected = [
    [0.46860623359680176, -1.4686065912246704, -0.03139388561248779],
    [0.15515229105949402, -1.9554622173309326, 0.16490304470062256],
    [0.24416661262512207, -2.2601511478424072, 0.03323361277580261],
  ]
  expected.forEach((row, step) => row.forEach((value, i) => expect(Math.abs(trace[step]![0]!.data[i]! - value)).toBeLessThan(5e-7)))
})

describe('options', () => {
  it('have the defaults of Keras', () => {
    const rates = Object.fromEntries(optimizerNames.map((name) => [name, resolveOptimizer(name).learningRate]))
    expect(rates).toEqual({ sgd: 0.01, adam: 0.001, adamW: 0.001, rmsprop: 0.001, adagrad: 0.001, nadam: 0.001, lion: 0.001 })
    expect(resolveOptimizer('adamW').weightDecay).toBe(0.004)
    expect(resolveOptimizer('adam').weightDecay).toBe(0)
  })

  it.each([-1, NaN, Infinity])('refuse a learning rate of %s', (learningRate) => {
    expect(() => adam({ learningRate })).toThrow('expected a number of at least 0')
  })

  it.each([
    ['a momentum of 5', () => sgd({ momentum: 5 }), 'Cannot make sgd: momentum is 5, expected a number from 0 to 1'],
    ['a momentum of -0.1', () => sgd({ momentum: -0.1 }), 'momentum is -0.1'],
    [
      'a weight decay of null',
      () => adamW({ weightDecay: null as never }),
      'Cannot make adamW: weightDecay is null, expected a finite number',
    ],
    ["a beta1 of 0 for Lion's sign", () => lion({ beta1: 0 }), 'Cannot make lion: beta1 is 0, expected a number above 0, up to 1'],
  ])('refuse %s, as Keras does', (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }))
    expect(sgd({ momentum: 1 }).config['momentum']).toBe(1)
  })

  it('refuse two kinds of clipping, and a limit of zero', () => {
    expect(() => sgd({ clipnorm: 1, clipvalue: 1 })).toThrow('found several of clipnorm, globalClipnorm and clipvalue')
    expect(() => sgd({ clipnorm: 0 })).toThrow('expected a number above 0')
  })
})

describe('resolveOptimizer', () => {
  it.each(['sgd', 'SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'Nadam', 'Lion'])('knows %s', (name) => {
    expect(resolveOptimizer(name).name.toLowerCase()).toBe(name.toLowerCase())
  })

  it('takes an optimizer as it is', () => {
    const optimizer = adam()
    expect(resolveOptimizer(optimizer)).toBe(optimizer)
  })

  it('offers the nearest names', () => {
    expect(() => resolveOptimizer('adan')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME', hint: expect.stringContaining('"adam"') as string }),
    )
  })
})
