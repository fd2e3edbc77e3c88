/** @file The graph itself: values, and nodes of ONNX operators between them. Plain data; nothing here computes. */
import type { Dim, DType, Tensor } from '../tensor/index.ts'
import type { Attributes, OpName } from './operators/signatures.ts'

/** Element type and sizes of a value; null is a size known only at run time (the batch). */
export interface ValueType {
  /** Null for a size that is not known. */
  readonly shape: readonly Dim[]
  /** Type of the numbers. */
  readonly dtype: DType
}

/** One tensor that flows through the graph. Identity is the object; names are for people and files and unique per graph. */
export interface Value extends ValueType {
  /** Unique in the graph. */
  readonly name: string
}

/** One application of an operator. A null input is an optional one that is left out. */
export interface Node<K extends OpName = OpName> {
  /** The operator. */
  readonly op: K
  /** Unique in the graph. */
  readonly name: string
  /** In ONNX's order; undefined where an optional one is left out. */
  readonly inputs: readonly (Value | null)[]
  /** In ONNX's order. */
  readonly outputs: readonly Value[]
  /** ONNX's attributes of the operator. */
  readonly attributes: Attributes[K]
}

/**
 * A parameter is a value whose numbers live outside the graph (a weight, an optimizer's moment).
 * Whoever compiles the graph decides whether it becomes a constant (packed, folded) or an input (trainable).
 */
export interface Parameter {
  /** The value that stands for it in the graph. */
  readonly value: Value
  /** The numbers in graph layout, read when the graph is compiled. */
  readonly data: () => Tensor
  /** The same piece by piece, where memory need not hold them or they have to be made: whoever looks at them once need not have them all there. */
  readonly parts?: () => PartReader
  /** Makes the numbers in memory that is there already; what `data` makes anew every time. */
  readonly write?: (into: Float32Array) => void
}

/** As many numbers as `room` holds, from the place `from` on: where they lie, or put into `room`. */
export type PartReader = (from: number, room: Float32Array) => Float32Array

/** Nodes in an order in which every input is made before it is used. */
export interface Graph {
  /** Values that come in with every run. */
  readonly inputs: readonly Value[]
  /** Values that a run gives back. */
  readonly outputs: readonly Value[]
  /** Operators, each after what it reads. */
  readonly nodes: readonly Node[]
  /** Values with fixed numbers. */
  readonly constants: ReadonlyMap<Value, Tensor>
  /** Inputs that are weights or other state. */
  readonly parameters: ReadonlyMap<Value, Parameter>
}

/** The node that makes each value. Inputs, constants and parameters have none. */
export function producers(graph: Pick<Graph, 'nodes'>): Map<Value, Node> {
  const made = new Map<Value, Node>()
  for (const node of graph.nodes) for (const output of node.outputs) made.set(output, node)
  return made
}

/** The nodes that read each value, in graph order. */
export function consumers(graph: Pick<Graph, 'nodes'>): Map<Value, Node[]> {
  const readers = new Map<Value, Node[]>()
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      if (!input) continue
      const list = readers.get(input)
      if (list) list.push(node)
      else readers.set(input, [node])
    }
  }
  return readers
}

/** Whether a value is read by one node and is no output: whoever reads it may take its maker's work over. */
export function readOnce(graph: Pick<Graph, 'nodes' | 'outputs'>): (value: Value) => boolean {
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  return (value) => readers.get(value)?.length === 1 && !outputs.has(value)
}

/** Values whose numbers depend on one of `sources` (the sources included). */
export function downstream(nodes: readonly Node[], sources: Iterable<Value>): Set<Value> {
  const reached = new Set(sources)
  for (const node of nodes) {
    if (node.inputs.some((input) => input !== null && reached.has(input))) for (const output of node.outputs) reached.add(output)
  }
  return reached
}

/** Values that `targets` depend on (the targets included). */
export function upstream(nodes: readonly Node[], targets: Iterable<Value>): Set<Value> {
  const needed = new Set(targets)
  for (const node of [...nodes].reverse()) {
    if (node.outputs.some((output) => needed.has(output))) for (const input of node.inputs) if (input) needed.add(input)
  }
  return needed
}
