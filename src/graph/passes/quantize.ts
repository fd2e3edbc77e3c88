/**
 * @file Post-training quantization: convolutions and what lies between them compute in 8 bits, written as standard ONNX
 * (QuantizeLinear and DequantizeLinear around float operators), which the engine fuses into 8-bit kernels.
 *
 * Activations are uint8 with one scale per tensor, weights int8 with one scale per outgoing channel. ReLU becomes part of the range:
 * what lies below its zero point is cut off when numbers are rounded into 8 bits.
 */
import type { Tensor } from '../../tensor/index.ts'
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import { createTape, type Tape } from '../tape.ts'
import { averageByProducts } from './average-products.ts'
import { dequantized as toFloat, quantized } from './bytes.ts'
import { floatsOf, isWeight } from './floats.ts'
import { quantizeWeights, scaleFor, type Range, type RoundedBefore, type Scale } from './quantize-numbers.ts'
import { sharedRanges } from './shared-ranges.ts'

/** What is known of the values of a graph, and what stays float. */
export interface Quantization {
  /** The range that a value takes; asked once for each value that becomes 8 bits, and for those that must share its scale. */
  readonly range: (value: Value) => Range
  /** The mean of each channel; where given, biases make up for what rounding the weights shifts. */
  readonly means?: (value: Value) => Float32Array | undefined
  /** Filled with the rounded weights and taken from, where a graph is quantized several times. */
  readonly rounded?: RoundedBefore
  /** Nodes that keep computing in float32. */
  readonly keep?: (node: Node) => boolean
}

interface State {
  readonly graph: Graph
  readonly tape: Tape
  readonly plan: Quantization
  /** Values of one scale. */
  readonly shared: ReadonlyMap<Value, readonly Value[]>
  /** The ReLU that a node's result goes through at once, by that node. */
  readonly ends: ReadonlyMap<Node, Node>
  /** Float forms of old values. */
  readonly floats: Map<Value, Value>
  /** 8-bit forms of old values. */
  readonly bytes: Map<Value, { readonly value: Value; readonly scale: Scale }>
}

/** The graph in 8 bits, its inputs and outputs in float32 as before. Batch norms must be folded and paddings moved into windows. */
export function quantize(graph: Graph, plan: Quantization): Graph {
  const tape = createTape({ ...graph, nodes: [], outputs: [] })
  const ends = activations(graph)
  const merged = new Set(ends.values())
  const state: State = { graph, tape, plan, shared: sharedRanges(graph), ends, floats: new Map(), bytes: new Map() }
  for (const node of graph.nodes) if (!merged.has(node)) convert(state, node)
  return tape.graph(graph.outputs.map((value) => floatOf(state, value)))
}

/** ReLUs (also with a ceiling) that alone read the result of a node which can do their work. */
function activations(graph: Graph): Map<Node, Node> {
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  const ends = new Map<Node, Node>()
  for (const node of graph.nodes) {
    const [result] = node.outputs
    if (!result || outputs.has(result) || !computing.has(node.op)) continue
    const [reader, ...others] = readers.get(result) ?? []
    if (reader && others.length === 0 && isRectifier(graph, reader)) ends.set(node, reader)
  }
  return ends
}

const computing: ReadonlySet<string> = new Set(['Conv', 'Add', 'AveragePool'])

function isRectifier(graph: Graph, { op, inputs }: Node): boolean {
  const least = op === 'Clip' && inputs[1] ? floatsOf(graph, inputs[1])?.[0] : undefined
  return op === 'Relu' || least === 0
}

function convert(state: State, node: Node): void {
  const end = state.ends.get(node)
  const result = (end ?? node).outputs[0]!
  const y = state.plan.keep?.(node) ? undefined : kernels(state, node, result)
  if (y) return rounded(state, result, end ? { y, end } : { y })
  const again = node.op === 'Relu' ? rectifiedSum(state, node) : undefined
  if (again) return rounded(state, result, { y: again, end: node })
  for (const each of end ? [node, end] : [node]) {
    const inputs = each.inputs.map((value) => value && floatOf(state, value))
    const outputs =
      each.op === 'Softmax' && !state.graph.outputs.includes(each.outputs[0]!)
        ? softmaxInFloat(state.tape, inputs, each as Node<'Softmax'>)
        : state.tape.ops(each.op, inputs, each.attributes, each.name)
    each.outputs.forEach((old, i) => outputs[i] && state.floats.set(old, outputs[i]))
  }
}

/** The runtime's 8-bit softmax begins again at zero where a number is above the range, or one channel has it all; this it leaves in float32. */
function softmaxInFloat(tape: Tape, inputs: readonly (Value | null)[], { attributes, name }: Node<'Softmax'>): readonly Value[] {
  return [tape.op('Exp', [tape.op('LogSoftmax', inputs, attributes, name)], {}, name)]
}

/** The operator over dequantized inputs, where the engine has an 8-bit kernel for it. */
function kernels(state: State, node: Node, result: Value): Value | undefined {
  const { tape, graph } = state
  const [x, second] = node.inputs
  if (node.op === 'Conv') return convolution(state, node as Node<'Conv'>)
  const isComputed = node.inputs.every((value) => value && !isWeight(graph, value))
  if (!isComputed || !x) return undefined
  const isSum = node.op === 'Add' && second !== null && second !== undefined && x.shape.join() === second.shape.join()
  const isPool = (node.op === 'MaxPool' || node.op === 'AveragePool') && state.bytes.has(x)
  const isJoin = node.op === 'Concat' && x.shape.length === 4
  if (!isSum && !isPool && !isJoin) return undefined
  if (node.op === 'AveragePool') {
    const scales = { from: bytesOf(state, x).scale, to: scaleOf(state, result) }
    const averaged = averageByProducts(tape, node as Node<'AveragePool'>, { x: dequantized(state, x), ...scales })
    if (averaged) return averaged
  }
  return tape.op(
    node.op,
    node.inputs.map((value) => value && dequantized(state, value)),
    node.attributes,
    node.name,
  )
}

function convolution(state: State, { inputs: [x, weight, bias], attributes, name }: Node<'Conv'>): Value | undefined {
  const { tape, graph, plan } = state
  const numbers = weight && floatsOf(graph, weight)
  const offset = bias ? floatsOf(graph, bias) : undefined
  if (!x || !weight || !numbers || (bias && !offset)) return undefined
  const input = dequantized(state, x)
  const { scale } = bytesOf(state, x).scale
  const { group } = attributes
  const tensor = { data: numbers, shape: weight.shape as readonly number[], dtype: 'float32' } as const
  const made = quantizeWeights(tensor, offset, { scale, means: plan.means?.(x), group, before: plan.rounded })
  const channels = made.scales.length
  const perChannel = (data: Tensor<'int8' | 'int32'>, scales: Float32Array, what: string): Value => {
    const zeros = { ...data, data: data.dtype === 'int8' ? new Int8Array(channels) : new Int32Array(channels), shape: [channels] }
    const step = tape.constant({ data: scales, shape: [channels], dtype: 'float32' }, `${name}/${what}_scale`)
    return tape.op(
      'DequantizeLinear',
      [tape.constant(data, `${name}/${what}`), step, tape.constant(zeros as Tensor, `${name}/${what}_zero`)],
      {
        axis: 0,
      },
    )
  }
  const kernel = perChannel(made.weight, made.scales, 'kernel')
  return tape.op('Conv', [input, kernel, perChannel(made.bias, made.biasScales, 'bias')], attributes, name)
}

/**
 * A sum whose ReLU is not its only reader is added up twice: the engine has no 8-bit ReLU, and a second sum costs less than the way through
 * float32. The inputs change places, since the tape would give the first sum back.
 */
function rectifiedSum(state: State, node: Node): Value | undefined {
  const sum = state.graph.nodes.find(({ op, outputs }) => op === 'Add' && outputs[0] === node.inputs[0])
  const [a, b] = sum?.inputs ?? []
  if (!sum || !a || !b || a === b || !state.bytes.has(sum.outputs[0]!)) return undefined
  return state.tape.op('Add', [dequantized(state, b), dequantized(state, a)], {}, node.name)
}

/** Puts y into 8 bits as the form of `result`. A ReLU is left out where rounding cuts off the same numbers. */
function rounded(state: State, result: Value, { y, end }: { readonly y: Value; readonly end?: Node }): void {
  const scale = scaleOf(state, result)
  const ceiling = end?.op === 'Clip' && end.inputs[2] ? (floatsOf(state.graph, end.inputs[2])?.[0] ?? Infinity) : Infinity
  // The largest number may be half a step beyond the ceiling.
  const isCut = !end || (scale.zero === 0 && 254.5 * scale.scale <= ceiling)
  const cut = isCut || !end ? y : state.tape.op(end.op, [y, ...end.inputs.slice(1)], end.attributes, end.name)
  state.bytes.set(result, { value: quantized(state.tape, cut, scale), scale })
}

function scaleOf({ plan, shared }: State, value: Value): Scale {
  const ranges = (shared.get(value) ?? [value]).map(plan.range)
  return scaleFor({ min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) })
}

function bytesOf(state: State, old: Value): { readonly value: Value; readonly scale: Scale } {
  const known = state.bytes.get(old)
  if (known) return known
  const scale = scaleOf(state, old)
  const made = { value: quantized(state.tape, floatOf(state, old), scale), scale }
  state.bytes.set(old, made)
  return made
}

function floatOf(state: State, old: Value): Value {
  const known = state.floats.get(old)
  if (known) return known
  return state.bytes.has(old) ? dequantized(state, old) : old
}

function dequantized(state: State, old: Value): Value {
  const { value, scale } = bytesOf(state, old)
  return toFloat(state.tape, value, scale)
}
