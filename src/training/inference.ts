/** @file Compiles a graph that only runs forward, its weights being constants. */
import { engine, type Program } from '../engine/index.ts'
import { winograd, type Graph, type Value } from '../graph/index.ts'

/** A program, and which of its values stand for those of the graph. */
export interface Inference {
  readonly program: Program
  readonly at: (value: Value) => Value
}

/** Compiles a graph in the form that runs fastest. */
export async function compileInference(graph: Graph): Promise<Inference> {
  const { graph: fast, at } = winograd(graph, await engine().blockSize())
  return { program: await engine().compile(fast), at }
}
