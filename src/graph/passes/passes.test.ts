/** @file The passes: each leaves a whole graph that computes the same, or says rightly that something may not be done. */
import { describe, expect, it } from 'vitest'
import { tensor, type Tensor } from '../../tensor/index.ts'
import { normal, uniform } from '../../engine/conformance.cases.ts'
import { runOnce } from '../../engine/here.cases.ts'
import * as naive from '../../engine/naive.cases.ts'
import {
  createTape,
  cutAtFreezeBoundary,
  featureSize,
  gradients,
  mayOverwrite,
  printGraph,
  rewrite,
  spellOutBatchStatistics,
  steps,
  verify,
  type Graph,
  type Tape,
  type Value,
} from '../index.ts'

const plain = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }

/** photo → conv1 → relu → (conv2 → relu → conv3) + skip → mean → dropout by mask → dense */
interface Network {
  readonly graph: Graph
  readonly photo: Value
  readonly mask: Value
  readonly weights: readonly [Value, Value, Value, Value]
}

function network(): Network {
  const tape = createTape()
  const photo = tape.input('photo', { shape: [2, 3, 4, 5], dtype: 'float32' })
  const mask = tape.input('mask', { shape: [2, 4], dtype: 'float32' })
  const weight = (name: string, seed: number, shape: number[]): Value =>
    tape.parameter(name, { shape, dtype: 'float32' }, () => normal(seed, shape))
  const weights = [
    weight('w1', 1, [4, 3, 3, 3]),
    weight('w2', 2, [4, 4, 3, 3]),
    weight('w3', 3, [4, 4, 3, 3]),
    weight('w4', 4, [4, 2]),
  ] as const
  const conv = (x: Value, w: Value): Value => tape.op('Conv', [x, w], plain)
  const relu = (x: Value): Value => tape.op('Relu', [x], {})
  const stem = relu(conv(photo, weights[0]))
  const block = steps.add(tape, conv(relu(conv(stem, weights[1])), weights[2]), stem)
  const dropped = steps.mul(tape, steps.meanOver(tape, block, [2, 3]), mask)
  const graph = tape.graph([tape.op('MatMul', [dropped, weights[3]], {})])
  return { graph, photo, mask, weights }
}

const made = (graph: Graph, features: readonly Value[]): string[] =>
  features.map((value) => graph.nodes.find((node) => node.outputs.includes(value))?.op ?? value.name)

describe('cutAtFreezeBoundary', () => {
  const cuts = [
    { title: 'only the last weight is live', live: [3], features: ['ReduceMean'] },
    { title: 'a residual block is live: its input is read twice, and is one feature', live: [1, 2, 3], features: ['Relu'] },
    { title: 'the middle of a residual block is live: the block and the skip are two features', live: [2, 3], features: ['Relu', 'Relu'] },
    { title: 'everything is frozen: only the mask changes', live: [], features: ['ReduceMean'] },
  ]

  it.each(cuts)('$title', async ({ live, features }) => {
    const { graph, photo, mask, weights } = network()
    const changing = live.map((i) => weights[i as 0])
    const cut = cutAtFreezeBoundary(graph, photo, changing)
    const { trunk, graft } = cut
    if (!trunk) throw new Error('no trunk')
    expect(made(graph, cut.features)).toEqual(features)
    verify(trunk)
    verify(graft)
    expect(trunk.inputs).toEqual([photo])
    expect(trunk.outputs).toEqual(cut.features)
    expect(graft.inputs).toEqual([...cut.features, mask])
    expect([...trunk.parameters.keys()].filter((value) => changing.includes(value))).toEqual([])

    const photos = normal(5, [2, 3, 4, 5])
    const masks = tensor([0, 2, 2, 0, 2, 0, 0, 2], [2, 4])
    const whole = await runOnce(
      'cpu',
      graph,
      new Map([
        [photo, photos],
        [mask, masks],
      ]),
    )
    const stored = await runOnce('cpu', trunk, new Map([[photo, photos]]))
    const grafted = await runOnce('cpu', graft, new Map([...stored, [mask, masks]]))
    const [y] = graph.outputs as [Value]
    expectNear(grafted.get(y)!, whole.get(y)!)
  })

  it('nothing is frozen: there is no trunk', () => {
    const { graph, photo, weights } = network()
    expect(cutAtFreezeBoundary(graph, photo, weights)).toEqual({ trunk: undefined, graft: graph, features: [photo] })
  })

  it('nothing changes at all: the graft hands its input on', async () => {
    const tape = createTape()
    const photo = tape.input('photo', { shape: [2], dtype: 'float32' })
    const y = steps.neg(tape, photo)
    const { trunk, graft } = cutAtFreezeBoundary(tape.graph([y]), photo, [])
    expect([trunk?.nodes.length, graft.nodes.length]).toEqual([1, 0])
    const results = await runOnce('cpu', graft, new Map([[y, tensor([1, 2])]]))
    expect([...results.get(y)!.data]).toEqual([1, 2])
  })

  it('counts the numbers of one sample', () => {
    const value = (shape: (number | null)[]): Value => ({ name: 'x', shape, dtype: 'float32' })
    expect(featureSize([value([null, 3, 4]), value([2, 5])])).toBe(17)
  })
})

describe('spellOutBatchStatistics', () => {
  it.each([[[4, 3, 5, 6]], [[8, 3]]])('of %j gives the numbers of the definition, moving statistics included', async (shape) => {
    const attributes = { epsilon: 1e-3, momentum: 0.9, training_mode: 1 } as const
    const data = [normal(6, shape), uniform(7, [3]), normal(8, [3]), normal(9, [3]), uniform(10, [3])]
    const tape = createTape()
    const inputs = data.map((one, i) => tape.input(`input${i}`, { shape: one.shape, dtype: 'float32' }))
    const outputs = tape.ops('BatchNormalization', inputs, attributes, 'bn')
    const { graph, at } = spellOutBatchStatistics(tape.graph(outputs))
    verify(graph)
    expect(graph.nodes.some((node) => node.op === 'BatchNormalization' && (node.attributes as typeof attributes).training_mode)).toBe(false)
    const results = await runOnce('cpu', graph, new Map(inputs.map((input, i) => [input, data[i]!])))
    naive.batchNormalization(data, attributes).forEach((expected, i) => expectNear(results.get(at(outputs[i]!))!, expected))
  })

  it('keeps the variance of numbers far from zero', async () => {
    const x = tensor(
      normal(11, [64, 1]).data.map((value) => 1000 + value),
      [64, 1],
    )
    const tape = createTape()
    const inputs = [x, tensor([1]), tensor([0]), tensor([0]), tensor([0])].map(
      (one, i) => [tape.input(`i${i}`, { shape: one.shape, dtype: 'float32' }), one] as const,
    )
    const attributes = { epsilon: 1e-3, momentum: 0, training_mode: 1 } as const
    const outputs = tape.ops(
      'BatchNormalization',
      inputs.map(([value]) => value),
      attributes,
    )
    const { graph, at } = spellOutBatchStatistics(tape.graph(outputs))
    const results = await runOnce('cpu', graph, new Map(inputs))
    const [, , variance] = naive.batchNormalization(
      inputs.map(([, data]) => data),
      attributes,
    )
    expect(Number(results.get(at(outputs[2]!))!.data[0])).toBeCloseTo(variance!.data[0]!, 3)
  })

  it('computes deviations and moments once for a layer and its gradient', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [4, 3, 5, 6], dtype: 'float32' })
    const inputs = [x, ...['gamma', 'beta', 'mean', 'variance'].map((name) => tape.input(name, { shape: [3], dtype: 'float32' }))]
    const y = tape.op('BatchNormalization', inputs, { epsilon: 1e-3, momentum: 0.9, training_mode: 1 })
    const loss = steps.sumOver(tape, tape.op('Tanh', [y], {}), [0, 1, 2, 3])
    const found = gradients(tape, loss, inputs.slice(0, 3)) as Value[]
    const { nodes } = spellOutBatchStatistics(tape.graph([loss, ...found])).graph
    // The deviations and y; the mean, and that of their squares.
    expect(nodes.filter(({ op, inputs: [from] }) => op === 'BatchNormalization' && from === x)).toHaveLength(2)
    expect(nodes.filter(({ op }) => op === 'ReduceMean')).toHaveLength(2)
  })

  it('leaves normalization on given statistics alone', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2, 3], dtype: 'float32' })
    const three = tape.number(1, [3])
    const y = tape.op('BatchNormalization', [x, three, three, three, three], { epsilon: 1e-3, momentum: 0.9, training_mode: 0 })
    const graph = tape.graph([y])
    expect(printGraph(spellOutBatchStatistics(graph).graph)).toBe(printGraph(graph))
  })
})

describe('rewrite', () => {
  it('keeps names unique, inputs and parameters themselves, and says where values went', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2], dtype: 'float32' })
    const w = tape.parameter('w', { shape: [2], dtype: 'float32' }, () => tensor([1, 2]))
    const first = tape.op('Mul', [x, w], {}, 'Neg')
    const second = tape.op('Abs', [first], {}, 'Mul')
    const graph = tape.graph([second])
    // Each node becomes two, whose default names are those that later nodes already carry.
    const { graph: after, at } = rewrite(graph, (to, node, inputs) => [steps.neg(to, to.op(node.op, inputs, node.attributes))])
    verify(after)
    expect(after.nodes.map((node) => node.op)).toEqual(['Mul', 'Neg', 'Abs', 'Neg'])
    expect([after.inputs, [...after.parameters.keys()]]).toEqual([[x], [w]])
    expect(after.outputs).toEqual([at(second)])
    expect(at(x)).toBe(x)
  })
})

describe('mayOverwrite', () => {
  const example = (build: (tape: Tape, w: Value, g: Value) => { updated: Value; outputs?: Value[] }): boolean => {
    const tape = createTape()
    const w = tape.input('w', { shape: [2, 2], dtype: 'float32' })
    const g = tape.input('g', { shape: [2, 2], dtype: 'float32' })
    const { updated, outputs = [] } = build(tape, w, g)
    return mayOverwrite(tape.graph([updated, ...outputs]), w, updated)
  }
  const product = (tape: Tape, a: Value, b: Value): Value => tape.op('MatMul', [a, b], {})

  it.each<[string, boolean, Parameters<typeof example>[0]]>([
    ['the update alone reads it', true, (tape, w, g) => ({ updated: steps.sub(tape, w, g) })],
    ['another reader leads to the update', true, (tape, w, g) => ({ updated: steps.sub(tape, w, product(tape, w, g)) })],
    [
      'another reader is used elsewhere too, but leads to the update',
      true,
      (tape, w, g) => {
        const read = product(tape, w, g)
        return { updated: steps.sub(tape, w, read), outputs: [steps.neg(tape, read)] }
      },
    ],
    ['another reader may run later', false, (tape, w, g) => ({ updated: steps.sub(tape, w, g), outputs: [product(tape, w, g)] })],
    ['the last operator reads it again after writing', false, (tape, w, g) => ({ updated: product(tape, w, g) })],
    ['it is itself an output', false, (tape, w, g) => ({ updated: steps.sub(tape, w, g), outputs: [w] })],
    ['the update is no node', false, (_, w) => ({ updated: w })],
    [
      'another shape of it may be read later',
      false,
      (tape, w, g) => {
        const row = steps.reshape(tape, w, [4])
        const updated = steps.sub(tape, w, steps.mul(tape, g, steps.sumOver(tape, row, [0])))
        return { updated, outputs: [steps.neg(tape, row)] }
      },
    ],
    [
      'another shape of it leads to the update',
      true,
      (tape, w, g) => ({ updated: steps.sub(tape, w, steps.mul(tape, g, steps.sumOver(tape, steps.reshape(tape, w, [4]), [0]))) }),
    ],
    ['the update has another shape', false, (tape, w) => ({ updated: steps.add(tape, w, tape.number(1, [3, 1, 1])) })],
  ])('%s: %s', (_, expected, build) => {
    expect(example(build)).toBe(expected)
  })
})

function expectNear(found: Tensor, expected: Tensor): void {
  expect(found.shape).toEqual(expected.shape)
  Array.from(expected.data as Float32Array).forEach((value, i) => {
    expect(Math.abs(Number(found.data[i]) - value)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(value)))
  })
}
