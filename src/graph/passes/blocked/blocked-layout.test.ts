/** @file The blocked layout changes the order of numbers in memory and the speed, never the numbers. */
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { random, sizeOf, type Tensor } from '../../../tensor/index.ts'
import { engine } from '../../../engine/index.ts'
import { runOnce } from '../../../engine/here.cases.ts'
import {
  blockedLayout,
  createTape,
  foldBatchNorm,
  gradients,
  inSequence,
  spellOutBatchStatistics,
  spellOutZeroInsertion,
  steps,
  suitsBlocks,
  verify,
} from '../../index.ts'
import type { Graph, Rewritten, Tape, Value } from '../../index.ts'
import { spellOutBlocks } from './spell-out-blocks.cases.ts'

const block = await engine().blockSize()
const at = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const
const same = { ...at, pads: [1, 1, 1, 1] }

/** What follows [2,C,H,W] in a small network; parameters come from the tape by shape. */
type Body = (tape: Tape, x: Value, weight: (shape: readonly number[]) => Value) => Value

const wide = 2 * (block || 16)
const bodies: Readonly<Record<string, Body>> = {
  'a dense convolution, 3×3': (tape, x, weight) => tape.op('Conv', [x, weight([wide, wide, 3, 3]), weight([wide])], same),
  'a convolution of few channels': (tape, x, weight) => {
    const three = tape.op('Slice', [x, ...[[0], [3], [1], [1]].map((of) => tape.integers(of))], {})
    return tape.op('Conv', [three, weight([wide, 3, 3, 3])], { ...at, strides: [2, 2] })
  },
  'a pointwise convolution with stride': (tape, x, weight) => tape.op('Conv', [x, weight([wide, wide, 1, 1])], { ...at, strides: [2, 2] }),
  'a convolution with stride 2, padded at the end': (tape, x, weight) =>
    tape.op('Conv', [x, weight([wide, wide, 3, 3])], { ...at, strides: [2, 2], pads: [0, 0, 1, 1] }),
  'a convolution into channels that do not fill a block': (tape, x, weight) => tape.op('Conv', [x, weight([5, wide, 3, 3])], same),
  'a depthwise convolution': (tape, x, weight) =>
    tape.op('Conv', [conv(tape, x, weight), weight([wide, 1, 3, 3])], { ...same, group: wide }),
  'a depthwise convolution with stride behind padding': (tape, x, weight) =>
    tape.op('Conv', [steps.padSpatial(tape, conv(tape, x, weight), [0, 0, 1, 1]), weight([wide, 1, 3, 3])], {
      ...at,
      strides: [2, 2],
      group: wide,
    }),
  'a depthwise convolution with two channels for each': (tape, x, weight) =>
    tape.op('Conv', [conv(tape, x, weight), weight([2 * wide, 1, 3, 3])], { ...same, group: wide }),
  'batch statistics, then ReLU6': (tape, x, weight) => {
    const vector = (): Value => weight([wide])
    const y = tape.op('BatchNormalization', [conv(tape, x, weight), vector(), vector(), vector(), vector()], {
      epsilon: 1e-3,
      momentum: 0.9,
      training_mode: 1,
    })
    return tape.op('Clip', [y, tape.number(0), tape.number(6)], {})
  },
  'given statistics, then ReLU': (tape, x, weight) => {
    const variance = tape.op('Abs', [weight([wide])], {})
    const inputs = [conv(tape, x, weight), weight([wide]), weight([wide]), weight([wide]), variance]
    return tape.op('Relu', [tape.op('BatchNormalization', inputs, { epsilon: 1e-3, momentum: 0.9, training_mode: 0 })], {})
  },
  'a residual sum, read twice': (tape, x, weight) => {
    const first = tape.op('Relu', [conv(tape, x, weight)], {})
    return tape.op('Relu', [steps.add(tape, conv(tape, first, weight), first)], {})
  },
  'concatenation and average pooling': (tape, x, weight) => {
    const both = tape.op('Concat', [conv(tape, x, weight), conv(tape, x, weight)], { axis: 1 })
    return tape.op('AveragePool', [both], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 })
  },
  'max pooling': (tape, x, weight) =>
    tape.op('MaxPool', [conv(tape, x, weight)], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1] }),
  'the mean of each channel': (tape, x, weight) => steps.meanOver(tape, conv(tape, x, weight), [2, 3], 1),
}

describe.skipIf(block === 0)('blockedLayout: needs a processor with an engine of blocks', () => {
  it.each(Object.entries(bodies))('keeps the numbers and gradients of %s', async (_, body) => {
    await expectSame(body, [2, wide, 9, 26])
    await expectSame(body, [3, wide, 7, 5])
  })

  it.each(Object.entries(bodies).filter(([name]) => !/batch statistics/.test(name)))(
    'keeps the numbers of %s with kernels that were put into order ahead, for any number of photos',
    async (_, body) => {
      await expectSameFixed(body, [wide, 9, 26])
      await expectSameFixed(body, [wide, 7, 5])
    },
  )

  it('folds batch normalization into kernels on their way', async () => {
    const body: Body = (tape, x, weight) => {
      const y = tape.op('Conv', [x, weight([wide, wide, 3, 3]), weight([wide])], same)
      const variance = tape.number(Array.from({ length: wide }, (_, i) => 0.5 + i / 7))
      return tape.op('BatchNormalization', [y, weight([wide]), weight([wide]), weight([wide]), variance], {
        epsilon: 1e-3,
        momentum: 0.9,
        training_mode: 0,
      })
    }
    const { nodes, parameters } = await expectSameFixed(body, [wide, 9, 9])
    expect(nodes.map(({ op }) => op)).toEqual(['ReorderInput', 'BlockedConv', 'ReorderOutput'])
    expect([...parameters.keys()].map(({ name }) => name)).toEqual([expect.stringMatching(/folded_kernel\/blocks$/)])
  })

  it('says which networks fill its blocks', () => {
    const suits = (channels: number, kernel: readonly number[], group: number, fed = false): boolean => {
      const tape = createTape()
      const x = tape.input('x', { shape: [null, channels, 8, 8], dtype: 'float32' })
      const w = fed ? tape.input('w', { shape: kernel, dtype: 'float32' }) : tape.number(Array<number>(sizeOf(kernel)).fill(1), kernel)
      return suitsBlocks(tape.graph([tape.op('Conv', [x, w], { ...at, group })]), block)
    }
    expect(suits(wide, [wide, wide, 1, 1], 1)).toBe(true)
    expect(suits(3, [wide, 3, 3, 3], 1)).toBe(true)
    expect(suits(wide, [wide, 1, 3, 3], wide)).toBe(true)
    expect(suits(wide, [wide, wide, 1, 1], 1, true)).toBe(false)
    expect(suits(wide, [wide + 1, wide, 1, 1], 1)).toBe(false)
    expect(suits(wide + 1, [wide, wide + 1, 1, 1], 1)).toBe(false)
    expect(suits(wide, [2 * wide, 1, 3, 3], wide)).toBe(false)
    expect(suits(wide, [wide, wide / 2, 3, 3], 2)).toBe(false)
    const tape = createTape()
    const x = tape.input('x', { shape: [null, 4], dtype: 'float32' })
    expect(suitsBlocks(tape.graph([tape.op('Relu', [x], {})]), block)).toBe(false)
  })

  it('keeps the numbers of chains of any length and size', async () => {
    const names = Object.keys(bodies).filter((name) => !/few|not fill|two channels|concatenation|mean/.test(name))
    const chain = fc.record({
      parts: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
      size: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 9, max: 14 }), fc.integer({ min: 9, max: 30 })),
    })
    await fc.assert(
      fc.asyncProperty(chain, async ({ parts, size: [n, h, w] }) => {
        const body: Body = (tape, x, weight) => parts.reduce((value, part) => bodies[part]!(tape, value, weight), x)
        await expectSame(body, [n, wide, h, w])
      }),
      { numRuns: 12, seed: 7 },
    )
  })

  it('keeps the numbers and gradients of convolutions with any kernel, steps and padding', async () => {
    const pair = (min: number, max: number): fc.Arbitrary<[number, number]> => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    const drawnCase = fc.record({ kernel: pair(1, 5), strides: pair(1, 3), before: pair(0, 2), after: pair(0, 2), size: pair(5, 13) })
    await fc.assert(
      fc.asyncProperty(drawnCase, async ({ kernel, strides, before, after, size }) => {
        const body: Body = (tape, x, weight) => {
          const padded = steps.padSpatial(tape, conv(tape, x, weight), [1, 0, 0, 1])
          return tape.op('Conv', [padded, weight([wide, wide, ...kernel])], { ...at, strides, pads: [...before, ...after] })
        }
        await expectSame(body, [2, wide, ...size])
      }),
      { numRuns: 30, seed: 11 },
    )
  })

  it('computes the input gradient of a convolution with steps in phases', () => {
    const made = (kernel: number, stride: number, pad: number): string[] => {
      const tape = createTape()
      const weight = parameters(tape)
      const x = weight([2, wide, 9, 9])
      const attributes = { ...at, strides: [stride, stride], pads: [pad, pad, pad, pad] }
      const y = tape.op('Conv', [conv(tape, x, weight), weight([wide, wide, kernel, kernel])], attributes)
      const [gradient] = gradients(tape, steps.sumOver(tape, y, [0, 1, 2, 3]), [x])
      return blockedLayout(tape.graph([gradient!]), block).graph.nodes.map(({ op }) => op)
    }
    expect(made(3, 2, 1)).not.toContain('ConvTranspose')
    expect(made(3, 2, 0)).not.toContain('ConvTranspose')
    expect(made(5, 3, 2)).not.toContain('ConvTranspose')
    // Every third pixel has no tap of a 2×2 kernel.
    expect(made(2, 3, 0)).toContain('ConvTranspose')
  })

  it('sets convolutions, sums and activations into one node', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2, wide, 8, 8], dtype: 'float32' })
    const weight = parameters(tape)
    const y = tape.op('Relu', [steps.add(tape, conv(tape, x, weight), x)], {})
    const { graph } = blockedLayout(tape.graph([y]), block)
    const convs = graph.nodes.filter(({ op }) => op === 'BlockedConv')
    expect(convs.map(({ inputs, attributes }) => [inputs.length, attributes])).toMatchObject([[4, { activation: 'Relu' }]])
    expect(graph.nodes.filter(({ op }) => op === 'Add' || op === 'Relu')).toEqual([])
  })

  it('leaves a graph without convolutions as it is', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2, wide, 8, 8], dtype: 'float32' })
    const graph = tape.graph([tape.op('Relu', [x], {})])
    expect(blockedLayout(graph, block).graph.nodes.map(({ op }) => op)).toEqual(['Relu'])
  })
})

/** What processors without AVX-512 have, whatever this one has. */
describe('blockedLayout with blocks of 8', () => {
  it.each(Object.entries(bodies))('keeps the numbers and gradients of %s', async (_, body) => {
    await expectSame(body, [2, wide, 9, 26], 8)
    await expectSame(body, [3, wide, 7, 5], 8)
  })

  it.each(Object.entries(bodies).filter(([name]) => !/batch statistics/.test(name)))(
    'keeps the numbers of %s with kernels that were put into order ahead',
    async (_, body) => void (await expectSameFixed(body, [wide, 9, 26], 8)),
  )
})

function conv(tape: Tape, x: Value, weight: (shape: readonly number[]) => Value): Value {
  return tape.op('Conv', [x, weight([wide, x.shape[1]!, 1, 1])], at)
}

function parameters(tape: Tape, feeds = new Map<Value, Tensor>()): (shape: readonly number[]) => Value {
  return (shape) => {
    const seed = `weight/${feeds.size}`
    const value = tape.input(`w${feeds.size}`, { shape, dtype: 'float32' })
    feeds.set(value, drawn(seed, shape, 1 / Math.sqrt(Math.max(1, sizeOf(shape.slice(1))))))
    return value
  }
}

/** The pass, and for other blocks than those of this engine what makes plain operators of it. */
function blockedBy(size: number, how?: { readonly fixed: boolean }): ((graph: Graph) => Rewritten)[] {
  const pass = (graph: Graph): Rewritten => blockedLayout(graph, size, how)
  return size === block ? [pass] : [pass, (graph) => spellOutBlocks(graph, size)]
}

/** Outputs and all gradients of Σ y·r, r random, with blocks and without. */
async function expectSame(body: Body, shape: readonly number[], size = block): Promise<void> {
  const tape = createTape()
  const feeds = new Map<Value, Tensor>()
  const weight = parameters(tape, feeds)
  const x = weight(shape)
  const y = body(tape, x, weight)
  const all = y.shape as number[]
  const loss = steps.sumOver(tape, steps.mul(tape, y, weight(all)), all.map((_, axis) => axis)) // prettier-ignore
  const targets = [...feeds.keys()].filter((value) => value.shape.length === 4)
  const found = gradients(tape, loss, targets).filter((value) => value !== undefined)
  const whole = tape.graph([loss, y, ...found])
  const plain = inSequence(whole, [spellOutBatchStatistics, spellOutZeroInsertion])
  const blocked = inSequence(whole, [spellOutBatchStatistics, ...blockedBy(size), spellOutZeroInsertion])
  verify(blocked.graph)
  const [wanted, got] = [await runOnce('cpu', plain.graph, feeds), await runOnce('cpu', blocked.graph, feeds)]
  for (const value of whole.outputs) expectClose(got.get(blocked.at(value))!, wanted.get(plain.at(value))!, value.name)
}

/** Outputs where weights are parameters and the number of photos is open, with blocks and without; the graph with blocks. */
async function expectSameFixed(body: Body, shape: readonly number[], size = block): Promise<Graph> {
  const tape = createTape()
  let count = 0
  const x = tape.input('x', { shape: [null, ...shape], dtype: 'float32' })
  const y = body(tape, x, (of) => {
    const data = drawn(`weight/${count}`, of, 1 / Math.sqrt(Math.max(1, sizeOf(of.slice(1)))))
    return tape.parameter(`w${count++}`, { shape: of, dtype: 'float32' }, () => data)
  })
  const plain = tape.graph([y])
  const blocked = inSequence(plain, [foldBatchNorm, ...blockedBy(size, { fixed: true })])
  verify(blocked.graph)
  for (const photos of [1, 3]) {
    const feeds = new Map([[x, drawn(`x/${photos}`, [photos, ...shape], 1)]])
    const [wanted, got] = [await runOnce('cpu', plain, feeds), await runOnce('cpu', blocked.graph, feeds)]
    expectClose(got.get(blocked.at(y))!, wanted.get(y)!, y.name)
  }
  return blocked.graph
}

function drawn(seed: string, shape: readonly number[], spread: number): Tensor<'float32'> {
  const draw = random(seed)
  return { data: Float32Array.from({ length: sizeOf(shape) }, () => draw.normal() * spread), shape, dtype: 'float32' }
}

/** The distance of all numbers together, against their norm. */
function expectClose(got: Tensor, wanted: Tensor, name: string): void {
  expect(got.shape, name).toEqual(wanted.shape)
  const [a, b] = [got.data as Float32Array, wanted.data as Float32Array]
  const distance = Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0))
  const norm = Math.sqrt(b.reduce((sum, value) => sum + value ** 2, 0))
  expect(distance, `${name}: norm ${norm}`).toBeLessThan(2e-5 * (norm + 1))
}
