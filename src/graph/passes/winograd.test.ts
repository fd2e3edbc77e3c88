/** @file Winograd's convolutions compute what plain ones do, and stay away where something else reads their results. */
import { describe, expect, it } from 'vitest'
import { normal } from '../../engine/conformance.cases.ts'
import { runOnce } from '../../engine/here.cases.ts'
import { createTape, verify, winograd, type Graph, type Tape, type Value } from '../index.ts'

const BLOCK = 16
const same = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }

let weights = 0

function conv(
  tape: Tape,
  x: Value,
  channels: number,
  { bias = true, ...attributes }: Partial<typeof same> & { bias?: boolean } = {},
): Value {
  const shape = [channels, x.shape[1]!, 3, 3]
  const seed = ++weights
  const kernel = tape.parameter(`w${seed}`, { shape, dtype: 'float32' }, () => normal(seed, shape))
  const offset = tape.constant(normal(seed + 100, [channels]))
  return tape.op('Conv', [x, kernel, bias ? offset : null], { ...same, ...attributes })
}

function point(tape: Tape, x: Value, channels: number, stride = 1): Value {
  const shape = [channels, x.shape[1]!, 1, 1]
  const seed = ++weights
  const kernel = tape.parameter(`w${seed}`, { shape, dtype: 'float32' }, () => normal(seed, shape))
  const attributes = { ...same, strides: [stride, stride], pads: [0, 0, 0, 0] }
  return tape.op('Conv', [x, kernel, tape.constant(normal(seed + 100, [channels]))], attributes)
}
const relu = (tape: Tape, x: Value): Value => tape.op('Relu', [x], {})
const pool = (tape: Tape, x: Value): Value => tape.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] })
const mean = (tape: Tape, x: Value): Value => tape.op('ReduceMean', [x, tape.integers([2, 3])], { keepdims: 0 })

interface Case {
  readonly title: string
  readonly input: readonly [channels: number, height: number, width: number]
  readonly build: (tape: Tape, x: Value) => Value
  /** Plain 3×3 convolutions that are left. */
  readonly left: number
}

const cases: readonly Case[] = [
  { title: 'one convolution and a pool', input: [160, 6, 8], build: (t, x) => pool(t, conv(t, x, 160)), left: 0 },
  { title: 'without a bias', input: [160, 6, 8], build: (t, x) => pool(t, relu(t, conv(t, x, 160, { bias: false }))), left: 0 },
  {
    title: 'three in a row read phases',
    input: [160, 8, 6],
    build: (t, x) => pool(t, relu(t, conv(t, relu(t, conv(t, relu(t, conv(t, x, 176)), 192)), 160))),
    left: 0,
  },
  {
    title: 'two stages, the second of the least size',
    input: [160, 4, 4],
    build: (t, x) => pool(t, relu(t, conv(t, pool(t, relu(t, conv(t, x, 160))), 160))),
    left: 0,
  },
  {
    title: 'a mean reads the last: it stays plain and reads the picture',
    input: [160, 6, 6],
    build: (t, x) => mean(t, conv(t, pool(t, conv(t, x, 160)), 160)),
    left: 1,
  },
  {
    title: 'a sum reads the first beside the second, and is put together again',
    input: [160, 6, 6],
    build: (t, x) => {
      const first = conv(t, x, 160)
      return t.op('Add', [first, conv(t, first, 160)], {})
    },
    left: 0,
  },
  {
    title: 'two blocks of a residual network, of which the next reads every second pixel',
    input: [64, 8, 12],
    build: (t, x) => {
      const block = (y: Value, shortcut: Value): Value =>
        relu(t, t.op('Add', [point(t, relu(t, conv(t, relu(t, point(t, y, 160)), 160)), 96), shortcut], {}))
      const first = block(x, point(t, x, 96))
      return t.op('Add', [point(t, block(first, first), 64, 2), point(t, first, 64, 2)], {})
    },
    left: 0,
  },
  {
    title: 'steps of two, and single pixels of every second row, read phases',
    input: [160, 8, 6],
    build: (t, x) => {
      const first = relu(t, conv(t, x, 160))
      const picked = t.op('MaxPool', [first], { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0] })
      return t.op('Add', [conv(t, first, 96, { strides: [2, 2] }), point(t, picked, 96)], {})
    },
    left: 0,
  },
  {
    title: 'a mean reads their sum',
    input: [160, 8, 6],
    build: (t, x) => mean(t, t.op('Add', [conv(t, x, 160), conv(t, x, 160)], {})),
    left: 2,
  },
  { title: 'an odd height', input: [160, 5, 6], build: (t, x) => pool(t, conv(t, x, 160)), left: 1 },
  { title: 'few channels', input: [64, 6, 6], build: (t, x) => pool(t, conv(t, x, 64)), left: 1 },
  { title: 'channels that fill no block', input: [168, 6, 6], build: (t, x) => pool(t, conv(t, x, 160)), left: 1 },
  { title: 'steps of two', input: [160, 8, 8], build: (t, x) => pool(t, conv(t, x, 160, { strides: [2, 2] })), left: 1 },
  { title: 'no padding', input: [160, 8, 8], build: (t, x) => pool(t, conv(t, x, 160, { pads: [0, 0, 0, 0] })), left: 1 },
  {
    title: 'a pool whose windows overlap',
    input: [160, 6, 6],
    build: (t, x) => t.op('MaxPool', [conv(t, x, 160)], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] }),
    left: 1,
  },
]

const plainLeft = (graph: Graph): number =>
  graph.nodes.filter(({ op, inputs }) => op === 'Conv' && inputs[1]?.shape.slice(2).join() === '3,3').length

describe('winograd', () => {
  it.each(cases)('$title', async ({ input, build, left }) => {
    const tape = createTape()
    const x = tape.input('x', { shape: [null, ...input], dtype: 'float32' })
    const y = build(tape, x)
    const graph = tape.graph([y])
    const { graph: fast, at } = winograd(graph, BLOCK)
    verify(fast)
    expect(plainLeft(fast)).toBe(left)

    const feeds = new Map([[x, normal(7, [3, ...input])]])
    const wanted = (await runOnce('cpu', graph, feeds)).get(y)!
    const found = (await runOnce('cpu', fast, feeds)).get(at(y))!
    expect(found.shape).toEqual(wanted.shape)
    const largest = Math.max(...Array.from(wanted.data as Float32Array, Math.abs))
    const apart = Math.max(...Array.from(wanted.data as Float32Array, (value, i) => Math.abs(value - Number(found.data[i]))))
    expect(apart / largest).toBeLessThan(2e-6)
  })

  it('leaves a graph as it is where the engine knows no blocks', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [1, 160, 6, 6], dtype: 'float32' })
    const graph = tape.graph([pool(tape, conv(tape, x, 160))])
    expect(winograd(graph, 0).graph).toBe(graph)
  })
})
