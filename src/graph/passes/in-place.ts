/**
 * @file Finds which updated parameters may be written over their old numbers.
 *
 * The engine is free to run independent nodes in any order. Writing the new weight where the old one lies is safe only
 * when every node that reads the old one must already have run: when it is an ancestor of the update, or the update itself.
 */
import { sameShape } from '../../tensor/index.ts'
import type { Graph, Value } from '../graph.ts'
import type { OpName } from '../operators/signatures.ts'
import { consumers, producers, upstream } from '../graph.ts'

/** Elementwise operators read each number before they write it, so they may write onto their own input. */
const elementwise: readonly OpName[] = ['Add', 'Sub', 'Mul', 'Div']

/** Whether `updated` may overwrite `old`. */
export function mayOverwrite(graph: Graph, old: Value, updated: Value): boolean {
  const last = producers(graph).get(updated)
  if (!last || (last.inputs.includes(old) && !elementwise.includes(last.op)) || !sameShape(old.shape, updated.shape)) return false
  const ancestors = upstream(graph.nodes, [updated])
  return (consumers(graph).get(old) ?? []).every((reader) => reader.outputs.some((output) => ancestors.has(output)))
}
