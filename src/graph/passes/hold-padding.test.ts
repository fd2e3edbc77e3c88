/** @file Padding in front of pools gives the numbers of padding and pooling one after the other, whatever the engine makes of it. */
import { describe, expect, it } from 'vitest'
import { here, runOnce } from '../../engine/here.cases.ts'
import { readOnnxGraph, writeOnnx } from '../../onnx/index.ts'
import { tensor } from '../../tensor/index.ts'
import { createTape, holdPadding, verify, type Attributes, type Graph } from '../index.ts'

/** A photo of 2 × 2 pixels that are −1, with so many zeros around it. */
const photo = tensor(new Float32Array(4).fill(-1), [1, 1, 2, 2])

function graphOf(pad: number, pool: Attributes['MaxPool'], { mean = false, relu = false } = {}): Graph {
  const tape = createTape()
  const x = tape.input('axes', { shape: [1, 1, 2, 2], dtype: 'float32' })
  const padded = tape.op('Pad', [relu ? tape.op('Relu', [x], {}) : x, tape.integers([0, 0, pad, pad, 0, 0, pad, pad]), null], {})
  return tape.graph([mean ? tape.op('AveragePool', [padded], { ...pool, count_include_pad: 0 }) : tape.op('MaxPool', [padded], pool)])
}

const pool = (size: number, stride: number): Attributes['MaxPool'] => ({
  kernel_shape: [size, size],
  strides: [stride, stride],
  pads: [0, 0, 0, 0],
})

describe.each(here)('%s: zeros in front of', (name) => {
  it.each([
    ['a maximum count as zeros', graphOf(1, pool(2, 2)), [0, 0, 0, 0]],
    ['a maximum of single pixels are there', graphOf(1, pool(1, 1)), [0, 0, 0, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, 0, 0, 0]],
    ['a maximum that steps over pixels are there', graphOf(2, pool(1, 3)), [0, 0, 0, -1]],
    ['a mean count', graphOf(1, pool(2, 2), { mean: true }), [-0.25, -0.25, -0.25, -0.25]],
    ['a mean of windows that lie in zeros alone are there', graphOf(2, pool(2, 2), { mean: true }), [0, 0, 0, 0, -1, 0, 0, 0, 0]],
  ])('%s', async (_title, graph, expected) => {
    const results = await runOnce(name, graph, new Map([[graph.inputs[0]!, photo]]))
    expect(Array.from(results.get(graph.outputs[0]!)!.data as Float32Array, (value) => value + 0)).toEqual(expected)
  })
})

describe('holdPadding', () => {
  it('names the axes of padding that may not move, and a file that has them can be read', () => {
    const graph = graphOf(1, pool(2, 2))
    const held = holdPadding(graph)
    verify(held)
    expect(held.nodes.map(({ op, inputs }) => [op, inputs.map((value) => value?.name ?? null)])).toEqual([
      ['Pad', ['axes', 'constant', null, 'axes_']],
      ['MaxPool', ['Pad:0']],
    ])
    const { graph: read } = readOnnxGraph(writeOnnx(graph).bytes, 'padded.onnx')
    expect(read.nodes[0]?.inputs).toHaveLength(4)
    expect(holdPadding(read)).toBe(read)
  })

  it('leaves padding alone that changes nothing inside a maximum', () => {
    const graph = graphOf(1, pool(2, 2), { relu: true })
    expect(holdPadding(graph)).toBe(graph)
  })
})
