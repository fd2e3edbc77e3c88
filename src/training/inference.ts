/** @file Compiles a graph that only runs forward, its weights being constants. */
import { engine, type Program } from '../engine/index.ts'
import { winograd, type Graph, type Rewritten, type Value } from '../graph/index.ts'

/** A program, and which of its values stand for those of the graph. */
export interface Inference {
  readonly program: Program
  readonly at: (value: Value) => Value
}

/** Channels that fill blocks of this size fill those of every processor. */
const WIDEST_BLOCK = 16

/** The graph in the form that runs fastest, and where its values went. */
export async function fastest(graph: Graph): Promise<Rewritten> {
  const fast = winograd(graph, WIDEST_BLOCK)
  // The engine is asked last: its first answer takes a cold process tens of milliseconds, and few networks need it.
  return fast.graph === graph || (await engine().blockSize()) === 0 ? { graph, at: (value) => value } : fast
}

/** Compiles a graph in the form that runs fastest. */
export async function compileInference(graph: Graph): Promise<Inference> {
  const { graph: fast, at } = await fastest(graph)
  return { program: await engine().compile(fast), at }
}
