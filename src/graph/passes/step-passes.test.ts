/** @file The small passes of a training step: each changes how a graph is computed, never what. */
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { random, sizeOf, type Tensor } from '../../tensor/index.ts'
import { runOnce } from '../../engine/here.cases.ts'
import {
  createTape,
  gradients,
  joinZeroInsertion,
  matchScalarRanks,
  scaleKernels,
  spellOutZeroInsertion,
  steps,
  summable,
  sumScaled,
  unroll,
} from '../index.ts'
import type { Graph, Tape, Value } from '../index.ts'

describe('spellOutZeroInsertion', () => {
  it('puts zeros where ConvTranspose does, at any size and stride', async () => {
    const sizes = fc.record({
      shape: fc.tuple(
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
      ),
      strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      extra: fc.tuple(fc.nat(2), fc.nat(2)),
    })
    await fc.assert(
      fc.asyncProperty(sizes, async ({ shape, strides, extra }) => {
        const size = [0, 1].map((i) => (shape[i + 2]! - 1) * strides[i]! + 1 + Math.min(extra[i]!, strides[i]! - 1))
        const tape = createTape()
        const x = tape.input('x', { shape, dtype: 'float32' })
        const y = steps.insertZeros(tape, x, strides, size)
        const graph = tape.graph([y === x ? tape.op('Identity', [x], {}) : y])
        const feeds = new Map([[x, normal(shape, 'x')]])
        const rewritten = spellOutZeroInsertion(graph)
        expect(rewritten.graph.nodes.map(({ op }) => op)).not.toContain('ConvTranspose')
        expect(await plain(rewritten.graph, feeds)).toEqual(await plain(graph, feeds))
      }),
      { numRuns: 20, seed: 3 },
    )
  })
})

describe('joinZeroInsertion', () => {
  const tape = createTape()
  const input = (name: string, shape: number[]): Value => tape.input(name, { shape, dtype: 'float32' })
  const [a, b, c] = [input('a', [2, 3, 4, 5]), input('b', [2, 3, 4, 5]), input('c', [2, 3, 4, 3])]
  const spread = (x: Value, strides: number[], size: number[]): Value => steps.insertZeros(tape, x, strides, size)
  const shared = spread(b, [2, 2], [7, 10])
  const feeds = new Map([a, b, c].map((value) => [value, normal(value.shape as number[], value.name)]))

  it.each<[string, number, Value[]]>([
    ['of two sums of zeros one is left', 1, [steps.add(tape, spread(a, [2, 2], [8, 10]), spread(b, [2, 2], [8, 10]))]],
    ['other strides stay', 2, [steps.add(tape, spread(a, [2, 2], [7, 9]), spread(c, [2, 4], [7, 9]))]],
    ['what is read elsewhere stays', 2, [steps.add(tape, spread(a, [2, 2], [7, 10]), shared), steps.neg(tape, shared)]],
    ['other sums stay', 1, [steps.add(tape, spread(a, [1, 2], [4, 10]), tape.number(1))]],
  ])('%s', async (_, left, outputs) => {
    const graph = tape.graph(outputs)
    const { graph: after } = joinZeroInsertion(graph)
    expect(after.nodes.filter(({ op }) => op === 'ConvTranspose')).toHaveLength(left)
    expect(await plain(after, feeds)).toEqual(await plain(graph, feeds))
  })
})

describe('sumScaled', () => {
  const block = 16
  const shape = [1, block, 64, 16]

  it('says under which shape numbers can be summed', () => {
    const found = [
      [2 ** 14, 16],
      [2 ** 14 * 3, 16],
      [2 ** 14 * 7, 8],
      [2 ** 14 + 16, 16],
      [2 ** 14 + 8, 16],
      [2 ** 13, 16],
      [2 ** 14, 0],
    ].map(([size, of]) => summable(size!, of!))
    expect(found).toEqual([[1, 16, 64, 16], [1, 16, 64, 48], [1, 8, 64, 224], [1, 16, 41, 25], undefined, undefined, undefined])
  })

  it.each<[string, string[], (tape: Tape, v: Record<'a' | 'b' | 's', Value>) => Value]>([
    ['a + s·b', ['BlockedConv'], (tape, { a, b, s }) => steps.add(tape, a, steps.mul(tape, b, s))],
    ['a − s·b', ['BlockedConv'], (tape, { a, b, s }) => steps.sub(tape, a, steps.mul(tape, s, b))],
    ['s·b + a', ['BlockedConv'], (tape, { a, b, s }) => steps.add(tape, steps.mul(tape, b, s), a)],
    ['2a + 3b', ['Mul', 'BlockedConv'], (tape, { a, b }) => steps.add(tape, steps.scale(tape, a, 2), steps.scale(tape, b, 3))],
    ['s·b − a', ['Mul', 'Sub'], (tape, { a, b, s }) => steps.sub(tape, steps.mul(tape, b, s), a)],
    ['a + a·b', ['Mul', 'Add'], (tape, { a, b }) => steps.add(tape, a, steps.mul(tape, a, b))],
    ['a + b', ['Add'], (tape, { a, b }) => steps.add(tape, a, b)],
    [
      's·b + s·b·(a + s·b), of which two read s·b',
      ['Mul', 'Add', 'Mul', 'Add'],
      (tape, { a, b, s }) => {
        const product = steps.mul(tape, b, s)
        return steps.add(tape, product, steps.mul(tape, product, steps.add(tape, a, product)))
      },
    ],
  ])('%s', async (_, ops, build) => {
    const tape = createTape()
    const value = (name: string, of: number[]): Value => tape.input(name, { shape: of, dtype: 'float32' })
    const values = { a: value('a', shape), b: value('b', shape), s: value('s', []) }
    const graph = tape.graph([build(tape, values)])
    const { graph: after } = sumScaled(graph, block)
    expect(after.nodes.map(({ op }) => op).filter((op) => op !== 'Expand' && op !== 'Neg')).toEqual(ops)
    const feeds = new Map([
      [values.a, normal(shape, 'a')],
      [values.b, normal(shape, 'b')],
      [values.s, normal([], 's')],
    ])
    const found = await plain(after, feeds)
    const expected = await plain(graph, feeds)
    const gap = found[0]!.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[0]![i]!)), 0)
    expect(gap).toBeLessThan(1e-6)
  })
})

describe('unroll', () => {
  // w ← w·x + b, s ← s + w: w and s are carried, b is not; every turn gives 2w.
  const tape = createTape()
  const x = tape.input('x', { shape: [2], dtype: 'float32' })
  const numbers = (data: number[], shape = [2]): Tensor => ({ data: Float32Array.from(data), shape, dtype: 'float32' })
  const parameter = (name: string, data: Tensor): Value => tape.parameter(name, { shape: data.shape, dtype: 'float32' }, () => data)
  const [w, s, b] = [parameter('w', numbers([1, 2])), parameter('s', numbers([0, 0], [1, 2])), parameter('b', numbers([1, -1]))]
  const next = steps.add(tape, steps.mul(tape, w, x), b)
  const sum = steps.reshape(tape, steps.add(tape, steps.reshape(tape, s, [2]), next), [1, 2])
  const double = steps.scale(tape, next, 2)
  const graph = tape.graph([next, sum, double])
  const carried = new Map([
    [w, next],
    [s, sum],
  ])

  it('begins each turn with what the last one left, whatever its shape', async () => {
    const { graph: whole, turns } = unroll(graph, 3, carried)
    const feeds = new Map<Value, Tensor>(turns.map((at, turn): [Value, Tensor] => [at(x), numbers([turn + 1, 2])]))
    expect(whole.inputs.map(({ name }) => name)).toEqual(['x', 'x/1', 'x/2'])
    const found = await plain(whole, feeds)
    const of = (value: Value): number[] => found[whole.outputs.indexOf(value)]!
    // w: [1,2] → [2,3] → [5,5] → [16,9]
    expect(turns.map((at) => of(at(double)))).toEqual([
      [4, 6],
      [10, 10],
      [32, 18],
    ])
    expect([of(turns[2]!(next)), of(turns[2]!(sum))]).toEqual([
      [16, 9],
      [23, 17],
    ])
    expect(whole.outputs).toHaveLength(5)
  })

  it('leaves one turn as it is', () => {
    const { graph: same, turns } = unroll(graph, 1, carried)
    expect(same).toBe(graph)
    expect(turns.map((at) => at(next))).toEqual([next])
  })
})

describe('matchScalarRanks', () => {
  it('gives a single number the axes of what it meets, on either side, and only where the last axis is one', () => {
    const tape = createTape()
    const kernel = tape.input('kernel', { shape: [4, 3, 1, 1], dtype: 'float32' })
    const rate = tape.input('rate', { shape: [], dtype: 'float32' })
    const wide = tape.input('wide', { shape: [4, 3], dtype: 'float32' })
    const graph = tape.graph([steps.mul(tape, kernel, rate), steps.sub(tape, rate, kernel), steps.mul(tape, wide, rate)])
    const { graph: after, at } = matchScalarRanks(graph)
    const shapes = graph.outputs.map((output) =>
      after.nodes.find(({ outputs }) => outputs[0] === at(output))?.inputs.map((input) => input?.shape),
    )
    expect(shapes).toEqual([
      [
        [4, 3, 1, 1],
        [1, 1, 1, 1],
      ],
      [
        [1, 1, 1, 1],
        [4, 3, 1, 1],
      ],
      [[4, 3], []],
    ])
  })
})

describe('scaleKernels', () => {
  it('keeps outputs and gradients of convolutions with and without bias, dense and depthwise', async () => {
    const tape = createTape()
    const feeds = new Map<Value, Tensor>()
    const loss = network(tape, feeds)
    const { graph, at } = scaleKernels(tape.graph([loss]), new Set())
    expect(graph.nodes.map(({ op }) => op)).not.toContain('BatchNormalization')
    const all = await plain(withGradients(tape, loss, [...feeds.keys()]), feeds)
    const scaled = await plain(withGradients(createTape(graph), at(loss), [...feeds.keys()]), feeds)
    all.forEach((values, i) =>
      values.forEach((value, j) => expect(Math.abs(scaled[i]![j]! - value)).toBeLessThan(2e-5 * (1 + Math.abs(value)))),
    )
  })

  it('leaves values alone that are kept, read elsewhere, or normalized by the batch', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2, 4, 3, 3], dtype: 'float32' })
    const vectors = ['gamma', 'beta', 'mean', 'variance'].map((name) => tape.input(name, { shape: [4], dtype: 'float32' }))
    const conv = (name: string): Value =>
      tape.op('Conv', [x, tape.input(name, { shape: [4, 4, 1, 1], dtype: 'float32' })], {
        strides: [1, 1],
        pads: [0, 0, 0, 0],
        dilations: [1, 1],
        group: 1,
      })
    const norm = (value: Value, training_mode: 0 | 1): Value =>
      tape.op('BatchNormalization', [value, ...vectors], { epsilon: 1e-3, momentum: 0.9, training_mode })
    const [kept, shared] = [conv('kept'), conv('shared')]
    const graph = tape.graph([norm(kept, 0), norm(shared, 0), tape.op('Relu', [shared], {}), norm(conv('trained'), 1)])
    const { graph: after } = scaleKernels(graph, new Set([kept]))
    expect(after.nodes.filter(({ op }) => op === 'BatchNormalization')).toHaveLength(3)
  })
})

/** Σ of a network with both kinds of convolution, each behind its norm. */
function network(tape: Tape, feeds: Map<Value, Tensor>): Value {
  const weight = (shape: readonly number[]): Value => {
    const value = tape.input(`w${feeds.size}`, { shape, dtype: 'float32' })
    feeds.set(value, normal(shape, `w${feeds.size}`))
    return value
  }
  const norm = (x: Value): Value =>
    tape.op('BatchNormalization', [x, weight([4]), weight([4]), weight([4]), tape.op('Abs', [weight([4])], {})], {
      epsilon: 1e-3,
      momentum: 0.9,
      training_mode: 0,
    })
  const at = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }
  const dense = norm(tape.op('Conv', [weight([2, 3, 5, 6]), weight([4, 3, 3, 3]), weight([4])], at))
  const depthwise = norm(tape.op('Conv', [dense, weight([4, 1, 3, 3])], { ...at, group: 4 }))
  return steps.sumOver(tape, steps.mul(tape, depthwise, weight([2, 4, 5, 6])), [0, 1, 2, 3])
}

function withGradients(tape: Tape, loss: Value, targets: readonly Value[]): Graph {
  const found = gradients(
    tape,
    loss,
    targets.filter(({ shape }) => shape.length === 4),
  )
  return tape.graph([loss, ...found.filter((value) => value !== undefined)])
}

function normal(shape: readonly number[], seed: string): Tensor {
  const draw = random(seed)
  return { data: Float32Array.from({ length: sizeOf(shape) }, () => draw.normal()), shape, dtype: 'float32' }
}

async function plain(graph: Graph, feeds: ReadonlyMap<Value, Tensor>): Promise<number[][]> {
  const results = await runOnce('cpu', graph, feeds)
  return graph.outputs.map((output) => Array.from(results.get(output)!.data as Float32Array))
}
