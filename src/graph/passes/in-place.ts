/**
 * @file Finds which updated parameters may be written over their old numbers.
 *
 * The engine is free to run independent nodes in any order. Writing the new weight where the old one lies is safe only
 * when every node that reads the old one must already have run: when it is an ancestor of the update, or the update itself.
 */
import { sizeOf } from '../../tensor/index.ts'
import type { Graph, Node, Value } from '../graph.ts'
import type { OpName } from '../operators/signatures.ts'
import { consumers, producers, upstream } from '../graph.ts'
import { sizes } from '../operators/shapes.ts'

/** Elementwise operators read each number before they write it, so they may write onto their own input. */
const elementwise: readonly OpName[] = ['Add', 'Sub', 'Mul', 'Div']

/** The same numbers under another shape. The engine lets these share their input's memory, so whoever reads their output reads the input. */
export const views: readonly OpName[] = ['Identity', 'Reshape']

/** Whether `updated` may overwrite `old`. */
export function mayOverwrite(graph: Graph, old: Value, updated: Value): boolean {
  const last = producers(graph).get(updated)
  if (!last || sizeOf(sizes(old)) !== sizeOf(sizes(updated))) return false
  const aliases = viewsOf(graph, old)
  if (graph.outputs.some((output) => aliases.has(output))) return false
  if (last.inputs.some((input, i) => input !== null && aliases.has(input) && !isReadBefore(last, i))) return false
  const ancestors = upstream(graph.nodes, [updated])
  const readers = consumers(graph)
  return [...aliases].every((alias) => (readers.get(alias) ?? []).every((reader) => reader.outputs.some((output) => ancestors.has(output))))
}

/** A convolution adds what it computes to the numbers of its last input, one after the other. */
function isReadBefore({ op }: Node, input: number): boolean {
  return elementwise.includes(op) || (op === 'BlockedConv' && input === 3)
}

function viewsOf(graph: Graph, value: Value): Set<Value> {
  const aliases = new Set([value])
  for (const node of graph.nodes) {
    const [from] = node.inputs
    if (views.includes(node.op) && from && aliases.has(from)) for (const output of node.outputs) aliases.add(output)
  }
  return aliases
}
