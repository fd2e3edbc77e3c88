/** @file Several runs of a graph as one: what a run leaves is what the next one begins with, and stays inside the engine. */
import type { Graph, Value } from '../graph.ts'
import { reshape } from '../operators/steps.ts'
import { sizes } from '../operators/shapes.ts'
import { createTape } from '../tape.ts'
import { replay } from './rewrite.ts'

/** A graph recorded several times in a row. */
export interface Unrolled {
  /** All runs as one graph. */
  readonly graph: Graph
  /** For each run, where the values of the original graph went. The inputs of the first run are those of the original. */
  readonly turns: readonly ((old: Value) => Value)[]
}

/**
 * Records `graph` so many times in a row. `carried` names the parameters that a run replaces, and the values that replace them; the others stay
 * as they are. The outputs are those of every run, but of what is carried only the last.
 */
export function unroll(graph: Graph, times: number, carried: ReadonlyMap<Value, Value>): Unrolled {
  if (times === 1) return { graph, turns: [(old) => old] }
  const tape = createTape({ ...graph, nodes: [], outputs: [] })
  const replaced = new Set(carried.values())
  const outputs: Value[] = []
  const turns: ((old: Value) => Value)[] = []
  for (let turn = 0; turn < times; turn++) {
    const before = turns.at(-1)
    const moved = new Map<Value, Value>()
    if (before) {
      for (const input of graph.inputs) moved.set(input, tape.input(`${input.name}/${turn}`, input))
      for (const [old, updated] of carried) moved.set(old, reshape(tape, before(updated), sizes(old)))
    }
    const at = replay(tape, graph.nodes, moved)
    outputs.push(...graph.outputs.filter((output) => turn === times - 1 || !replaced.has(output)).map(at))
    turns.push(at)
  }
  return { graph: tape.graph([...new Set(outputs)]), turns }
}
