/**
 * @file Leaves out pixels that nobody reads. ResNet's stages begin with 1×1 convolutions that take steps of two: they see every second pixel of
 * every second row, so that the last block of the stage before need not compute the others. The steps move back to where pixels are made:
 *
 *     3×3 → Relu → 1×1 → Add → Relu → 1×1 with steps of two      becomes      3×3 with steps of two → Relu → 1×1 → Add → Relu → 1×1
 */
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { isPointwise, picturesOf } from './phases.ts'
import { rewrite, type Rewritten } from './rewrite.ts'

/** The same outputs from fewer pixels. */
export function dropUnreadPixels(graph: Graph): Rewritten {
  const thin = thinned(graph)
  if (thin.size === 0) return { graph, at: (old) => old }
  return rewrite(graph, (tape, node, inputs) => {
    const [makes, reads] = [thin.has(node.outputs[0]!), node.inputs[0] !== null && thin.has(node.inputs[0]!)]
    if (!makes && !reads) return undefined
    if (node.op === 'Conv') return [withSteps(tape, node, { inputs, by: (makes ? 2 : 1) / (reads ? 2 : 1) })]
    const pictures = picturesOf(node)
    const parts = inputs.map((value, i) => (value && i < pictures && !thin.has(node.inputs[i]!) ? everySecond(tape, value) : value))
    return tape.ops(node.op, parts, node.attributes, node.name)
  })
}

/** Values of which all who read them read every second pixel only. */
function thinned(graph: Graph): Set<Value> {
  const thin = new Set<Value>()
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  for (const node of graph.nodes.toReversed()) {
    const [y] = node.outputs
    const own = (y && readers.get(y)) ?? []
    if (!y || outputs.has(y) || own.length === 0 || (node.op !== 'Conv' && picturesOf(node) === 0)) continue
    const isPicture = (reader: Node): boolean => reader.inputs.every((input, i) => input !== y || i < picturesOf(reader))
    if (own.every((reader) => isPointwise(reader, 2) || (isPicture(reader) && thin.has(reader.outputs[0]!)))) thin.add(y)
  }
  return thin
}

interface Steps {
  readonly inputs: readonly (Value | null)[]
  /** What the steps are multiplied by. */
  readonly by: number
}

function withSteps(tape: Tape, { attributes, name }: Node, { inputs, by }: Steps): Value {
  const conv = attributes as Attributes['Conv']
  return tape.op('Conv', inputs, { ...conv, strides: conv.strides.map((step) => step * by) }, name)
}

/** A pool with windows of one pixel keeps the engine's blocks; slices do not. */
function everySecond(tape: Tape, x: Value): Value {
  return tape.op('MaxPool', [x], { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0] })
}
