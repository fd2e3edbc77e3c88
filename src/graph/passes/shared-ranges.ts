/** @file Which values must share one scale, because what makes one of them from the others moves bytes without looking at them. */
import type { Graph, Node, Value } from '../graph.ts'

/** Values in groups of two and more, each under each of its members. */
export function sharedRanges({ nodes }: Pick<Graph, 'nodes'>): ReadonlyMap<Value, readonly Value[]> {
  const groups = new Map<Value, readonly Value[]>()
  for (const node of nodes) {
    const together = movedBy(node)
    if (together.length === 0) continue
    const group = [...new Set(together.flatMap((value) => groups.get(value) ?? [value]))]
    for (const value of group) groups.set(value, group)
  }
  return groups
}

function movedBy({ op, inputs, outputs }: Node): Value[] {
  if (op !== 'Concat' && op !== 'MaxPool') return []
  return [...inputs, outputs[0]].flatMap((value) => value ?? [])
}
