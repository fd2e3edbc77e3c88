/** @file The frame of a pass: a graph is recorded again, node by node, and single nodes are replaced on the way. */
import type { Graph, Node, Value } from '../graph.ts'
import { createTape, prune, type Tape } from '../tape.ts'

/** Returns the values that stand for the node's outputs, or undefined to keep the node as it is. */
export type Rewrite = (tape: Tape, node: Node, inputs: readonly (Value | null)[]) => readonly Value[] | undefined

/** A rewritten graph, and where the values of the old one went. */
export interface Rewritten {
  /** The new graph. */
  readonly graph: Graph
  /** The value that stands for an old one. Values of removed nodes are not there. */
  readonly at: (old: Value) => Value
}

/** Applies one rewrite to every node. Inputs, constants and parameters keep their identity. */
export function rewrite(graph: Graph, rule: Rewrite): Rewritten {
  const tape = createTape({ ...graph, nodes: [], outputs: [] })
  const at = replay(tape, graph.nodes, new Map(), rule)
  const outputs = graph.outputs.map(at)
  return { graph: prune({ inputs: tape.inputs, outputs, nodes: tape.nodes, constants: tape.constants, parameters: tape.parameters }), at }
}

/**
 * Records nodes on another tape; returns where a value went. `moved` says it of those that the nodes find there, and learns it of those that they make; the
 * others stay who they are. A rule may replace single nodes.
 */
export function replay(tape: Tape, nodes: readonly Node[], moved: Map<Value, Value>, rule?: Rewrite): (old: Value) => Value {
  const at = (old: Value): Value => moved.get(old) ?? old
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => input && at(input))
    const outputs = rule?.(tape, node, inputs) ?? tape.ops(node.op, inputs, node.attributes, node.name)
    node.outputs.forEach((old, i) => outputs[i] && moved.set(old, outputs[i]))
  }
  return at
}

/** One pass after the other; `at` goes through all of them. */
export function inSequence(graph: Graph, passes: readonly ((graph: Graph) => Rewritten)[]): Rewritten {
  return passes.reduce<Rewritten>(
    (before, pass) => {
      const next = pass(before.graph)
      return { graph: next.graph, at: (old) => next.at(before.at(old)) }
    },
    { graph, at: (old) => old },
  )
}

/** The node on a tape that makes a value; undefined for inputs and weights. */
export function maker({ nodes }: Pick<Tape, 'nodes'>, value: Value): Node | undefined {
  return nodes.findLast((node) => node.outputs.includes(value))
}
