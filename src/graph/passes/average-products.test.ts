/** @file Means in 8 bits by products: the numbers of AveragePool, but for rounding. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { runOnce } from '../../engine/here.cases.ts'
import { random, tensor } from '../../tensor/index.ts'
import { createTape, type Attributes, type Graph, type Tape, type Value } from '../index.ts'
import { averageByProducts } from './average-products.ts'
import { rounded } from './bytes.ts'
import type { Node } from '../graph.ts'

const scale = { scale: 0.5, zero: 100 }
const plain = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 } as const

interface Case {
  readonly attributes: Attributes['AveragePool']
  readonly size: readonly [number, number]
}

/** The mean of rounded numbers by AveragePool in float32, and by products; undefined where there are none. */
function graphsOf({ attributes, size }: Case): { readonly expected: Graph; readonly found: Graph | undefined } {
  const shape = [2, 3, ...size]
  const start = (): { tape: Tape; x: Value } => {
    const tape = createTape()
    return { tape, x: rounded(tape, tape.input('x', { shape, dtype: 'float32' }), scale) }
  }
  const [{ tape, x }, other] = [start(), start()]
  const expected = tape.graph([tape.op('AveragePool', [x], attributes)])
  const node = expected.nodes.at(-1) as Node<'AveragePool'>
  const averaged = averageByProducts(other.tape, node, { x: other.x, from: scale, to: scale })
  return { expected, found: averaged && other.tape.graph([averaged]) }
}

async function numbersOf(graph: Graph, size: readonly [number, number]): Promise<Float32Array> {
  const source = random('average-products')
  const numbers = Float32Array.from({ length: 6 * size[0] * size[1] }, () => Math.floor(source.uniform() * 255 - 100) / 2)
  const results = await runOnce('cpu', graph, new Map([[graph.inputs[0]!, tensor(numbers, [2, 3, ...size])]]))
  return results.get(graph.outputs[0]!)!.data as Float32Array
}

async function expectMeans(some: Case): Promise<void> {
  const { expected, found } = graphsOf(some)
  expect(found!.outputs[0]!.shape).toEqual(expected.outputs[0]!.shape)
  const [means, products] = [await numbersOf(expected, some.size), await numbersOf(found!, some.size)]
  // Half a step for each rounding; the second mean halves the error of the first or leaves it.
  const steps = found!.nodes.filter(({ op }) => op === 'MatMul').length * 0.5 + 0.01
  expect(Math.max(...means.map((mean, i) => Math.abs(mean - products[i]!)))).toBeLessThan(steps * scale.scale)
}

it.each<Case & { title: string }>([
  { title: 'the windows of InceptionV3, 8 px', attributes: plain, size: [8, 8] },
  { title: 'the windows of InceptionV3, 17 px', attributes: plain, size: [17, 17] },
  { title: 'the windows of InceptionV3, 35 px', attributes: plain, size: [35, 35] },
  { title: 'no padding', attributes: { ...plain, pads: [0, 0, 0, 0] }, size: [12, 15] },
  { title: 'no padding, which then may count', attributes: { ...plain, pads: [0, 0, 0, 0], count_include_pad: 1 }, size: [5, 4] },
])('$title', expectMeans)

it('windows of any size, padded on any side', async () => {
  const side = fc.integer({ min: 1, max: 5 })
  const cases = fc.record({ kernel: fc.tuple(side, side), size: fc.tuple(fc.integer({ min: 5, max: 14 }), fc.integer({ min: 5, max: 14 })), before: fc.nat(), after: fc.nat() }) // prettier-ignore
  const sample = fc.sample(cases, { numRuns: 25, seed: 1 })
  for (const { kernel, size, before, after } of sample) {
    const pads = [before, after].flatMap((number) => kernel.map((length) => number % length))
    await expectMeans({ attributes: { ...plain, kernel_shape: kernel, pads }, size })
  }
})

it.each<Case & { title: string }>([
  { title: 'steps', attributes: { ...plain, strides: [2, 2] }, size: [8, 8] },
  { title: 'padding that counts', attributes: { ...plain, count_include_pad: 1 }, size: [8, 8] },
  { title: 'counts without a small common multiple', attributes: { ...plain, kernel_shape: [11, 1], pads: [10, 0, 10, 0] }, size: [40, 8] },
  { title: 'large pictures', attributes: plain, size: [160, 160] },
])('none for $title', (some) => {
  expect(graphsOf(some).found).toBeUndefined()
})
