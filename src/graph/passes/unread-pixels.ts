/**
 * @file Leaves out pixels that nobody reads. ResNet's stages begin with 1×1 convolutions that take steps of two: they see every second pixel of
 * every second row, which a pool with windows of one pixel takes out. The last block of the stage before need not compute the others, so that the
 * steps move back to where pixels are made:
 *
 *     3×3 → Relu → 1×1 → Add → Relu → pool with steps of two → 1×1      becomes      3×3 with steps of two → Relu → 1×1 → Add → Relu → 1×1
 */
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { isPointwise, picturesOf } from './phases.ts'
import { rewrite, type Rewritten } from './rewrite.ts'

/** The same outputs from fewer pixels. Values that are `kept` stay as they are, too. */
export function dropUnreadPixels(graph: Graph, kept: readonly Value[] = []): Rewritten {
  const thin = thinned(graph, kept)
  if (thin.size === 0) return { graph, at: (old) => old }
  return rewrite(graph, (tape, node, inputs) => {
    const [makes, reads] = [thin.has(node.outputs[0]!), node.inputs[0] !== null && thin.has(node.inputs[0]!)]
    if (!makes && !reads) return undefined
    if (picksPixels(node)) return inputs.slice(0, 1) as [Value]
    if (node.op === 'Conv') return [withSteps(tape, node, { inputs, by: (makes ? 2 : 1) / (reads ? 2 : 1) })]
    const pictures = picturesOf(node)
    const parts = inputs.map((value, i) => (value && i < pictures && !thin.has(node.inputs[i]!) ? everySecond(tape, value) : value))
    return tape.ops(node.op, parts, node.attributes, node.name)
  })
}

/** Values of which all who read them read every second pixel only. */
function thinned(graph: Graph, kept: readonly Value[]): Set<Value> {
  const thin = new Set<Value>()
  const readers = consumers(graph)
  const whole = new Set([...graph.outputs, ...kept])
  for (const node of graph.nodes.toReversed()) {
    const [y] = node.outputs
    const own = (y && readers.get(y)) ?? []
    if (!y || whole.has(y) || own.length === 0 || (node.op !== 'Conv' && picturesOf(node) === 0)) continue
    const isPicture = (reader: Node): boolean => reader.inputs.every((input, i) => input !== y || i < picturesOf(reader))
    const isEnough = (reader: Node): boolean => isPointwise(reader, 2) || (picksPixels(reader) && !kept.includes(reader.outputs[0]!))
    if (own.every((reader) => isEnough(reader) || (isPicture(reader) && thin.has(reader.outputs[0]!)))) thin.add(y)
  }
  return thin
}

/** Takes every second pixel of every second row. */
function picksPixels({ op, attributes }: Node): boolean {
  if (op !== 'MaxPool') return false
  const { kernel_shape, strides, pads } = attributes as Attributes['MaxPool']
  return [...kernel_shape, ...strides.map((step) => step / 2), ...pads.map((pad) => pad + 1)].every((size) => size === 1)
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
