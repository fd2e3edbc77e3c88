/** @file A graph as text, one node a line. */
import { showShape } from '../tensor/index.ts'
import type { Graph, Value } from './graph.ts'

/** "%y [1,8,4,4] = Conv(%x, %w) {strides: [1,1], …}" for every node, between the inputs and the outputs. */
export function printGraph(graph: Graph): string {
  const typed = (value: Value): string => `%${value.name} ${value.dtype === 'float32' ? '' : value.dtype}${showShape(value.shape)}`
  const lines = graph.nodes.map((node) => {
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    const inputs = node.inputs.map((input) => (input ? `%${input.name}` : '-')).join(', ')
    return `${node.outputs.map(typed).join(', ')} = ${node.op}(${inputs})${attributes.length > 0 ? ` {${attributes.join(', ')}}` : ''}`
  })
  return [
    `inputs: ${graph.inputs.map(typed).join(', ')}`,
    ...lines,
    `outputs: ${graph.outputs.map((value) => `%${value.name}`).join(', ')}`,
  ].join('\n')
}
