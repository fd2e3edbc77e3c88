/** @file The passes on the way to 8 bits: those before it leave the numbers as they are, rounding shifts them by as much as it must. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tensor, type Tensor } from '../../tensor/index.ts'
import { normal, uniform } from '../../engine/conformance.cases.ts'
import { runOnce } from '../../engine/here.cases.ts'
import {
  createTape,
  foldBatchNorm,
  foldPadding,
  poolBehind,
  quantize,
  steps,
  verify,
  type Graph,
  type Range,
  type Tape,
  type Value,
} from '../index.ts'
import { quantizeWeights, scaleFor, type RoundedBefore } from './quantize-numbers.ts'

const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }
const point = { ...window, pads: [0, 0, 0, 0] }
const mean = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 } as const
const picture = normal(1, [2, 4, 6, 5])

const opsOf = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op)
const weight = (tape: Tape, name: string, data: Tensor): Value => tape.parameter(name, data, () => data)

function graphOf(build: (tape: Tape, x: Value) => Value): Graph {
  const tape = createTape()
  return tape.graph([build(tape, tape.input('x', { shape: [null, 4, 6, 5], dtype: 'float32' }))])
}

async function outputOf(graph: Graph): Promise<Float32Array> {
  const results = await runOnce('cpu', graph, new Map([[graph.inputs[0]!, picture]]))
  return results.get(graph.outputs[0]!)?.data as Float32Array
}

async function expectSameNumbers(before: Graph, after: Graph): Promise<void> {
  verify(after)
  const [expected, found] = [await outputOf(before), await outputOf(after)]
  expect(found.length).toBe(expected.length)
  expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(2e-5))
}

const norm = (tape: Tape, x: Value, name: string): Value => {
  const numbers = [uniform(11, [3]), normal(12, [3]), normal(13, [3]), uniform(14, [3])]
  const inputs = [x, ...numbers.map((data, i) => weight(tape, `${name}/${i}`, data))]
  return tape.op('BatchNormalization', inputs, { epsilon: 1e-3, momentum: 0.99, training_mode: 0 }, name)
}

describe('foldBatchNorm', () => {
  const kernel = normal(2, [3, 4, 3, 3])

  it.each([
    ['a convolution with a bias', [normal(3, [3])]],
    ['a convolution without', []],
  ])('folds into %s', async (_, bias) => {
    const graph = graphOf((tape, x) => {
      const given = [x, weight(tape, 'w', kernel), ...bias.map((data) => weight(tape, 'b', data))]
      return norm(tape, tape.op('Conv', given, window), 'bn')
    })
    const folded = foldBatchNorm(graph).graph
    expect(opsOf(folded)).toEqual(['Conv'])
    await expectSameNumbers(graph, folded)
  })

  it('leaves a convolution alone that somebody else reads too', () => {
    const graph = graphOf((tape, x) => {
      const y = tape.op('Conv', [x, weight(tape, 'w', kernel)], window)
      return steps.add(tape, norm(tape, y, 'bn'), y)
    })
    expect(opsOf(foldBatchNorm(graph).graph)).toEqual(['Conv', 'BatchNormalization', 'Add'])
  })
})

describe('foldPadding', () => {
  const pads = [0, 0, 1, 2, 0, 0, 2, 1]
  const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] }
  const padded = (tape: Tape, x: Value): Value => tape.op('Pad', [x, tape.integers(pads), null], {})

  it('moves zeros into a convolution', async () => {
    const graph = graphOf((tape, x) => tape.op('Conv', [padded(tape, x), weight(tape, 'w', normal(2, [3, 4, 3, 3]))], window))
    const folded = foldPadding(graph).graph
    expect(folded.nodes.map(({ op, attributes }) => [op, 'pads' in attributes && attributes.pads])).toEqual([['Conv', [2, 3, 3, 2]]])
    await expectSameNumbers(graph, folded)
  })

  it('moves zeros into max pooling behind a ReLU', async () => {
    const graph = graphOf((tape, x) => tape.op('MaxPool', [padded(tape, tape.op('Relu', [x], {}))], pool))
    const folded = foldPadding(graph).graph
    expect(opsOf(folded)).toEqual(['Relu', 'MaxPool'])
    await expectSameNumbers(graph, folded)
  })

  it('reads values that are to stay as before', () => {
    const graph = graphOf((tape, x) => tape.op('MaxPool', [padded(tape, tape.op('Relu', [x], {}))], pool))
    const zeros = graph.nodes.find(({ op }) => op === 'Pad')!.outputs[0]!
    expect(opsOf(foldPadding(graph, [zeros]).graph)).toEqual(['Relu', 'Pad', 'MaxPool'])
  })

  it('keeps zeros that could be the greatest number, and those in front of a mean', () => {
    expect(opsOf(foldPadding(graphOf((tape, x) => tape.op('MaxPool', [padded(tape, x)], pool))).graph)).toEqual(['Pad', 'MaxPool'])
    expect(opsOf(foldPadding(graphOf((tape, x) => tape.op('AveragePool', [padded(tape, x)], mean))).graph)).toEqual(['Pad', 'AveragePool'])
  })
})

describe('poolBehind', () => {
  const pooled = (attributes: typeof mean | { count_include_pad: 1 }, outgoing: number): Graph =>
    graphOf((tape, x) => {
      const w = weight(tape, 'w', normal(2, [outgoing, 4, 1, 1]))
      return tape.op('Conv', [tape.op('AveragePool', [x], { ...mean, ...attributes }), w, weight(tape, 'b', normal(3, [outgoing]))], point)
    })

  it('averages after a 1×1 convolution to fewer channels', async () => {
    const graph = pooled(mean, 2)
    const moved = poolBehind(graph).graph
    expect(opsOf(moved)).toEqual(['Conv', 'AveragePool'])
    await expectSameNumbers(graph, moved)
  })

  it('stays in front where padding counts, and where there would be more to average', () => {
    expect(opsOf(poolBehind(pooled({ count_include_pad: 1 }, 2)).graph)).toEqual(['AveragePool', 'Conv'])
    expect(opsOf(poolBehind(pooled(mean, 8)).graph)).toEqual(['AveragePool', 'Conv'])
  })
})

describe('scaleFor', () => {
  it.each([
    { range: { min: 0, max: 2.55 }, scale: 0.01, zero: 0 },
    { range: { min: -1, max: 1.55 }, scale: 0.01, zero: 100 },
    { range: { min: 0.5, max: 5.1 }, scale: 0.02, zero: 0 },
    { range: { min: -5.1, max: -1 }, scale: 0.02, zero: 255 },
    { range: { min: 0, max: 0 }, scale: 1 / 255, zero: 0 },
  ])('holds $range and zero', ({ range, scale, zero }) => {
    expect(scaleFor(range)).toEqual({ scale: Math.fround(scale), zero })
  })
})

describe('quantizeWeights', () => {
  it('gives each channel its own scale, and a bias in steps of the products', () => {
    const made = quantizeWeights(tensor([1.27, -0.632, 0.254, 0], [2, 2, 1, 1]), Float32Array.of(1, -0.5), { scale: 0.5, group: 1 })
    expect([...made.weight.data]).toEqual([127, -63, 127, 0])
    expect([...made.scales]).toEqual([0.01, 0.002].map(Math.fround))
    expect([...made.bias.data]).toEqual([200, -500])
    expect(made.biasScales).toEqual(Float32Array.of(0.005, 0.001))
  })

  it('keeps any two weights of a channel, times 255, within 16 bits', () => {
    const weights = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(weights, (row) => {
        const { data } = quantizeWeights(tensor(row, [1, row.length, 1, 1]), undefined, { scale: 0.1, group: 1 }).weight
        const [least = 0, second = 0] = [...data].sort((a, b) => a - b)
        const [most = 0, next = 0] = [...data].sort((a, b) => b - a)
        const pairs = data.length < 2 ? [most] : [most + next, least + second]
        for (const pair of pairs) expect(Math.abs(255 * pair)).toBeLessThan(2 ** 15)
        // At least 6 bits and a sign are used.
        if (row.some((number) => Math.abs(number) > 1e-20)) expect(Math.max(most, -least)).toBeGreaterThanOrEqual(63)
      }),
    )
  })

  it('adds to the bias what rounding takes from the weights on average', () => {
    // 0.254 has the step 0.002; −0.0049 becomes −2 steps, 0.9 thousandths more, times the mean 10.
    const options = { scale: 0.5, means: Float32Array.of(3, 10), group: 1 }
    const made = quantizeWeights(tensor([0.254, -0.0049], [1, 2, 1, 1]), undefined, options)
    expect([...made.weight.data]).toEqual([127, -2])
    expect(made.bias.data[0]! * made.biasScales[0]!).toBeCloseTo(-0.009, 4)
  })

  it('takes the means of a group for the channels of that group', () => {
    const options = { scale: 0.5, means: Float32Array.of(0, 10), group: 2 }
    const made = quantizeWeights(tensor([0.254, -0.0049, 0.254, -0.0049], [2, 1, 1, 2]), undefined, options)
    expect(made.bias.data[0]).toBe(0)
    expect(made.bias.data[1]! * made.biasScales[1]!).toBeCloseTo(-0.009, 4)
  })

  it('takes what was rounded before only where it would come out the same', () => {
    const weights = tensor([0.254, -0.0049, 1e-9, 0], [2, 2, 1, 1])
    const bias = Float32Array.of(1, -7)
    const before: RoundedBefore = new Map()
    // The second channel's step is its bias's, so that it changes with the scale.
    for (const scale of [0.5, 0.5, 0.25, 4]) {
      for (const means of [undefined, Float32Array.of(3, 10), Float32Array.of(-1, 0)]) {
        const options = { scale, means, group: 1 }
        expect(quantizeWeights(weights, bias, { ...options, before })).toEqual(quantizeWeights(weights, bias, options))
      }
    }
    expect(before.size).toBe(1)
  })

  it('widens the step of a dead channel whose bias would not fit', () => {
    const made = quantizeWeights(tensor([0, 0], [1, 2, 1, 1]), Float32Array.of(-7), { scale: 0.5, group: 1 })
    expect([...made.weight.data].map(Math.abs)).toEqual([0, 0])
    expect(made.bias.data[0]! * made.biasScales[0]!).toBeCloseTo(-7, 5)
  })
})

describe('quantize', () => {
  const wide = (): Range => ({ min: -8, max: 8 })
  const conv = (tape: Tape, x: Value, name: string): Value =>
    tape.op('Conv', [x, weight(tape, name, normal(name.length, [4, 4, 3, 3]))], window)
  const relu = (tape: Tape, x: Value): Value => tape.op('Relu', [x], {})

  /** The range that each value really takes. */
  async function rangesOf(graph: Graph): Promise<(value: Value) => Range> {
    const values = [...graph.inputs, ...graph.nodes.map(({ outputs }) => outputs[0]!)]
    const results = await runOnce('cpu', { ...graph, outputs: values.slice(1) }, new Map([[graph.inputs[0]!, picture]]))
    return (value) => {
      const data = (value === graph.inputs[0] ? picture : results.get(value)!).data as Float32Array
      return { min: Math.min(...data), max: Math.max(...data) }
    }
  }

  const networks: { title: string; build: (tape: Tape, x: Value) => Value; ops: Record<string, number> }[] = [
    { title: 'a convolution and its ReLU', build: (tape, x) => relu(tape, conv(tape, x, 'w')), ops: { Conv: 1, QuantizeLinear: 2 } },
    {
      title: 'a sum that is read with its ReLU and without',
      build(tape, x) {
        const sum = steps.add(tape, conv(tape, x, 'w'), conv(tape, x, 'ww'))
        return steps.add(tape, conv(tape, relu(tape, sum), 'www'), sum)
      },
      ops: { Conv: 3, Add: 3, QuantizeLinear: 7 },
    },
    {
      title: 'branches that are joined, a pooled one and two averaged ones',
      build(tape, x) {
        const stem = relu(tape, conv(tape, x, 'w'))
        const pooled = tape.op('MaxPool', [stem], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] })
        const averaged = tape.op('AveragePool', [stem], mean)
        const counting = tape.op('AveragePool', [stem], { ...mean, count_include_pad: 1 })
        return tape.op('Concat', [pooled, averaged, relu(tape, conv(tape, stem, 'ww')), counting], { axis: 1 })
      },
      // The mean that does not count padding is a product, and the way there.
      ops: { Conv: 2, MaxPool: 1, AveragePool: 1, Concat: 1, MatMul: 1, Reshape: 2, Transpose: 2, QuantizeLinear: 11 },
    },
  ]

  it.each([
    { title: 'of one channel', channels: 1, most: 1 },
    { title: 'of two channels', channels: 2, most: 0.3 },
  ])('ends a softmax at its range: one $title', async ({ channels, most }) => {
    const build = (tape: Tape, x: Value, end = (value: Value): Value => value): Value => {
      const few = tape.op('Conv', [x, weight(tape, 'few', normal(5, [channels, 4, 3, 3]))], window)
      const shares = end(tape.op('Softmax', [few], { axis: 1 }))
      return tape.op('Conv', [shares, weight(tape, 'all', normal(6, [4, channels, 3, 3]))], window)
    }
    const graph = graphOf(build)
    const ranges = await rangesOf(graph)
    const isShare = (value: Value): boolean => graph.nodes.some(({ op, outputs }) => op === 'Softmax' && outputs[0] === value)
    const bytes = quantize(graph, { range: (value) => (isShare(value) ? { min: 0, max: most } : ranges(value)) })
    const cut = graphOf((tape, x) => build(tape, x, (value) => tape.op('Clip', [value, tape.number(0), tape.number(most)], {})))
    const [expected, found] = [await outputOf(cut), await outputOf(bytes)]
    expect(Math.max(...expected.map((value, i) => Math.abs(found[i]! - value)))).toBeLessThan(Math.max(...expected.map(Math.abs)) * 0.05)
  })

  it.each(networks)('$title: 8-bit inputs and outputs around every kernel', async ({ build, ops }) => {
    const graph = graphOf(build)
    const bytes = quantize(graph, { range: await rangesOf(graph) })
    verify(bytes)
    const kernels = opsOf(bytes).filter((op) => op !== 'DequantizeLinear')
    expect(Object.fromEntries([...new Set(kernels)].sort().map((op) => [op, kernels.filter((other) => other === op).length]))).toEqual(
      Object.fromEntries(Object.entries(ops).sort()),
    )
    const [expected, found] = [await outputOf(graph), await outputOf(bytes)]
    const most = Math.max(...expected.map(Math.abs))
    // A handful of roundings, each by half of a 255th of the range.
    expect(Math.max(...expected.map((value, i) => Math.abs(found[i]! - value)))).toBeLessThan(most * 0.03)
    expect(found).not.toEqual(expected)
  })

  it('loses no products where all numbers are as large as can be, on processors without 8-bit instructions too', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [1, 8, 6, 6], dtype: 'float32' })
    const kernel = weight(tape, 'w', tensor(new Float32Array(8 * 8 * 9).fill(0.5), [8, 8, 3, 3]))
    const graph = tape.graph([tape.op('Relu', [tape.op('Conv', [x, kernel], window)], {})])
    const bytes = quantize(graph, { range: (value) => ({ min: 0, max: value === x ? 1 : 36 }) })
    const ones = tensor(new Float32Array(8 * 36).fill(1), [1, 8, 6, 6])
    const found = (await runOnce('cpu', bytes, new Map([[bytes.inputs[0]!, ones]]))).get(bytes.outputs[0]!)!.data as Float32Array
    // Inside, each of the 8 × 9 products is a half.
    const step = 36 / 255
    expect(Math.abs(found[7]! - 36)).toBeLessThan(step)
    expect(Math.abs(Math.min(...found) - 16)).toBeLessThan(step)
  })

  it('gives values that are joined or pooled one scale', () => {
    const graph = graphOf(networks[2]!.build)
    const join = graph.nodes.find(({ op }) => op === 'Concat')!
    const own = new Map([[join.inputs[2]!, { min: 0, max: 51 }]])
    const bytes = quantize(graph, { range: (value) => own.get(value) ?? { min: 0, max: 1 } })
    const moved = bytes.nodes.find(({ op }) => op === 'Concat')!
    const scales = moved.inputs.map((input) => bytes.nodes.find(({ outputs }) => outputs[0] === input)?.inputs[1])
    expect(new Set(scales).size).toBe(1)
    expect(bytes.constants.get(scales[0]!)?.data[0]).toBeCloseTo(0.2, 6)
  })

  it('keeps a ReLU whose range goes below zero, and a ceiling within the range', () => {
    const graph = graphOf((tape, x) => relu(tape, conv(tape, x, 'w')))
    expect(opsOf(quantize(graph, { range: wide }))).toContain('Relu')
    const six = graphOf((tape, x) => tape.op('Clip', [conv(tape, x, 'w'), tape.number(0), tape.number(6)], {}))
    expect(opsOf(quantize(six, { range: () => ({ min: 0, max: 8 }) }))).toContain('Clip')
    expect(opsOf(quantize(six, { range: () => ({ min: 0, max: 6 }) }))).not.toContain('Clip')
  })

  it('leaves chosen nodes and what has no 8-bit kernel in float32', () => {
    const graph = graphOf((tape, x) => tape.op('Sigmoid', [conv(tape, conv(tape, x, 'w'), 'ww')], {}))
    const bytes = quantize(graph, { range: wide, keep: ({ inputs }) => inputs[0] === graph.inputs[0] })
    expect(opsOf(bytes).filter((op) => op !== 'DequantizeLinear')).toEqual(['Conv', 'QuantizeLinear', 'Conv', 'QuantizeLinear', 'Sigmoid'])
    expect(bytes.nodes[0]?.inputs[0]).toBe(bytes.inputs[0])
    expect(bytes.outputs[0]?.dtype).toBe('float32')
  })
})
