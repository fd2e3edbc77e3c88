/** @file Pixels that nobody reads are not computed, and those that are read keep their numbers. */
import { describe, expect, it } from 'vitest'
import { normal, uniform } from '../../engine/conformance.cases.ts'
import { runOnce } from '../../engine/here.cases.ts'
import { createTape, dropUnreadPixels, gradients, steps, verify, type Graph, type Tape, type Value } from '../index.ts'
import type { Attributes } from '../operators/signatures.ts'

const plain = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }
let weights = 0

/** A convolution with a square kernel around its pixel. */
function conv(
  tape: Tape,
  x: Value,
  size: number,
  { channels = 8, ...attributes }: Partial<typeof plain> & { channels?: number } = {},
): Value {
  const pad = (size - 1) / 2
  const shape = [channels, x.shape[1]! / (attributes.group ?? 1), size, size]
  const kernel = tape.constant(normal(++weights, shape))
  return tape.op('Conv', [x, kernel, tape.constant(normal(weights + 50, [channels]))], {
    ...plain,
    pads: [pad, pad, pad, pad],
    ...attributes,
  })
}
const halved = (tape: Tape, x: Value): Value => conv(tape, x, 1, { strides: [2, 2] })
/** As layers are lowered: the pixels are taken out first. */
const picked = (tape: Tape, x: Value): Value =>
  conv(tape, tape.op('MaxPool', [x], { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0] }), 1)
const relu = (tape: Tape, x: Value): Value => tape.op('Relu', [x], {})
const add = (tape: Tape, a: Value, b: Value): Value => tape.op('Add', [a, b], {})
const norm = (tape: Tape, x: Value): Value => {
  const numbers = [uniform(11, [8]), normal(12, [8]), normal(13, [8]), uniform(14, [8])].map((data) => tape.constant(data))
  return tape.op('BatchNormalization', [x, ...numbers], { epsilon: 1e-3, momentum: 0.99, training_mode: 0 })
}

const both = (tape: Tape, x: Value): [Value, Value] => [picked(tape, x), halved(tape, x)]

const stepsOf = ({ nodes }: Graph): string =>
  nodes
    .flatMap(({ op, attributes }) => (op === 'Conv' || op === 'MaxPool' ? [`${op} ${(attributes as Attributes['Conv']).strides[0]}`] : []))
    .join(', ')

const cases: { title: string; build: (tape: Tape, x: Value) => Value; steps: string }[] = [
  { title: '3×3, then steps of two', build: (t, x) => halved(t, relu(t, norm(t, conv(t, x, 3)))), steps: 'Conv 2, Conv 1' },
  {
    title: 'the last block of a stage: its shortcut loses pixels by itself',
    build: (t, x) => {
      const before = relu(t, conv(t, x, 1))
      const block = conv(t, relu(t, conv(t, relu(t, conv(t, before, 1)), 3)), 1)
      const after = relu(t, add(t, block, before))
      return add(t, halved(t, after), halved(t, after))
    },
    steps: 'Conv 1, Conv 1, Conv 2, Conv 1, MaxPool 2, Conv 1, Conv 1',
  },
  { title: 'a depthwise convolution', build: (t, x) => halved(t, conv(t, x, 3, { group: 4 })), steps: 'Conv 2, Conv 1' },
  { title: 'steps of two twice', build: (t, x) => halved(t, halved(t, conv(t, x, 5))), steps: 'Conv 2, Conv 2, Conv 1' },
  { title: 'steps of two behind other steps', build: (t, x) => halved(t, conv(t, x, 3, { strides: [2, 2] })), steps: 'Conv 4, Conv 1' },
  { title: '3×3, then pixels that are taken out', build: (t, x) => picked(t, relu(t, norm(t, conv(t, x, 3)))), steps: 'Conv 2, Conv 1' },
  { title: 'pixels taken out twice', build: (t, x) => picked(t, relu(t, picked(t, conv(t, x, 3)))), steps: 'Conv 2, Conv 2, Conv 1' },
  { title: 'pixels taken out in both ways', build: (t, x) => add(t, ...both(t, conv(t, x, 3))), steps: 'Conv 2, Conv 1, Conv 1' },
  {
    title: 'someone else reads all pixels',
    build: (t, x) => {
      const y = relu(t, conv(t, x, 3))
      return add(t, halved(t, y), conv(t, y, 3, { strides: [2, 2] }))
    },
    steps: 'Conv 1, Conv 2, Conv 2',
  },
  { title: 'the photo itself', build: (t, x) => halved(t, relu(t, x)), steps: 'MaxPool 2, Conv 1' },
  {
    title: 'a border around a 1×1 convolution',
    build: (t, x) => conv(t, conv(t, x, 3), 1, { strides: [2, 2], pads: [1, 1, 1, 1] }),
    steps: 'Conv 1, Conv 2',
  },
]

describe('dropUnreadPixels', () => {
  it.each(
    cases.flatMap((each) => [
      { ...each, size: [8, 6] },
      { ...each, size: [9, 7] },
    ]),
  )('$title, $size', async ({ build, steps, size }) => {
    const tape = createTape()
    const x = tape.input('x', { shape: [null, 4, ...size], dtype: 'float32' })
    const y = build(tape, x)
    const graph = tape.graph([y])
    const { graph: thin, at } = dropUnreadPixels(graph)
    verify(thin)
    expect(stepsOf(thin)).toBe(steps)
    const feeds = new Map([[x, normal(7, [3, 4, ...size])]])
    const wanted = (await runOnce('cpu', graph, feeds)).get(y)!
    const found = (await runOnce('cpu', thin, feeds)).get(at(y))!
    expect(found.shape).toEqual(wanted.shape)
    const data = wanted.data as Float32Array
    const most = Math.max(...data.map(Math.abs))
    data.forEach((value, i) => expect(Math.abs(Number(found.data[i]) - value)).toBeLessThanOrEqual(most * 2e-6))
  })

  it('gives weights the same gradients', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2, 4, 9, 8], dtype: 'float32' })
    const shapes = [[8, 4, 1, 1], [8, 8, 3, 3], [8, 8, 1, 1], [4, 8, 1, 1]] // prettier-ignore
    const given = shapes.map((shape, i) => tape.parameter(`w${i}`, { shape, dtype: 'float32' }, () => normal(90 + i, shape)))
    const through = (value: Value, i: number, stride = 1): Value => {
      const pad = shapes[i]![2] === 3 ? 1 : 0
      return tape.op('Conv', [value, given[i]!], { ...plain, strides: [stride, stride], pads: [pad, pad, pad, pad] })
    }
    const before = relu(tape, through(x, 0))
    const after = relu(tape, add(tape, through(relu(tape, through(before, 1)), 2), before))
    const wholeGraph = tape.graph([through(after, 3, 2)])
    const slopes = async (graph: Graph): Promise<Float32Array[]> => {
      const next = createTape(graph)
      const y = graph.outputs[0]!
      const found = gradients(next, steps.sumOver(next, steps.mul(next, y, y), [0, 1, 2, 3]), given)
      const results = await runOnce('cpu', next.graph(found.map((value) => value!)), new Map([[x, normal(3, [2, 4, 9, 8])]]))
      return found.map((value) => results.get(value!)!.data as Float32Array)
    }
    const thin = dropUnreadPixels(wholeGraph).graph
    expect(stepsOf(thin)).toBe('Conv 1, Conv 2, Conv 1, MaxPool 2, Conv 1')
    const [wanted, found] = [await slopes(wholeGraph), await slopes(thin)]
    wanted.forEach((values, w) => {
      const most = Math.max(...values.map(Math.abs))
      values.forEach((value, i) => expect(Math.abs(found[w]![i]! - value)).toBeLessThanOrEqual(most * 5e-6))
    })
  })

  it('leaves an output whole', () => {
    const tape = createTape()
    const y = conv(tape, tape.input('x', { shape: [1, 4, 8, 8], dtype: 'float32' }), 3)
    const graph = tape.graph([y, halved(tape, y)])
    expect(dropUnreadPixels(graph).graph).toBe(graph)
  })

  it('leaves kept values whole, and pixels that are kept taken out', () => {
    const tape = createTape()
    const y = conv(tape, tape.input('x', { shape: [1, 4, 8, 8], dtype: 'float32' }), 3)
    const z = picked(tape, y)
    const graph = tape.graph([z])
    const pixels = graph.nodes.find(({ op }) => op === 'MaxPool')!.outputs[0]!
    for (const kept of [y, pixels]) expect(dropUnreadPixels(graph, [kept]).graph).toBe(graph)
  })
})
