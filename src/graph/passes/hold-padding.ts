/** @file Keeps ONNX Runtime from moving padding into windows that would read it otherwise. */
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import { isNonNegative } from './fold-padding.ts'

/**
 * ONNX Runtime moves zeros into any pooling behind them: there they no longer take part in the maximum, and it refuses windows that are
 * smaller than their padding. It leaves a Pad alone that names its axes. Values stay the same objects.
 */
export function holdPadding(graph: Graph): Graph {
  const readers = consumers(graph)
  const isPooled = (node: Node): boolean => {
    const read = node.op === 'Pad' && !node.inputs[3] ? (readers.get(node.outputs[0]!) ?? []) : []
    return read.some(
      (reader) => reader.op === 'AveragePool' || (reader.op === 'MaxPool' && !mayMove(graph, node, reader as Node<'MaxPool'>)),
    )
  }
  const held = new Set(graph.nodes.filter(isPooled))
  if (held.size === 0) return graph
  const axes: Value = { name: freeName(graph), shape: [4], dtype: 'int64' }
  const nodes = graph.nodes.map((node) =>
    held.has(node) ? { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, node.inputs[2] ?? null, axes] } : node,
  )
  const constants = new Map(graph.constants).set(axes, { data: BigInt64Array.of(0n, 1n, 2n, 3n), shape: [4], dtype: 'int64' })
  return { ...graph, nodes, constants }
}

/** Nothing is below zero, and every window reads more than padding. */
function mayMove(graph: Graph, pad: Node, { attributes }: Node<'MaxPool'>): boolean {
  const amounts = pad.inputs[1] && graph.constants.get(pad.inputs[1])
  if (!amounts || !isNonNegative(graph, pad.inputs[0]!)) return false
  const [, , top, left, , , bottom, right] = Array.from(amounts.data as ArrayLike<number | bigint>, Number)
  const around = [top!, left!, bottom!, right!]
  return around.every((size, i) => size + attributes.pads[i]! < attributes.kernel_shape[i % 2]!)
}

function freeName(graph: Graph): string {
  const values = [...graph.inputs, ...graph.constants.keys(), ...graph.parameters.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]
  const taken = new Set(values.map(({ name }) => name))
  let name = 'axes'
  while (taken.has(name)) name += '_'
  return name
}
