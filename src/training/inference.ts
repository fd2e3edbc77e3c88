/** @file Compiles a graph that only runs forward, its weights being constants. */
import { engine, type CompileOptions, type Program } from '../engine/index.ts'
import {
  cutBeforeDense,
  dropUnreadPixels,
  foldBatchNorm,
  inSequence,
  suitsWinograd,
  winograd,
  type Graph,
  type Rewritten,
  type Value,
} from '../graph/index.ts'

/** A program, and which of its values stand for those of the graph. */
export interface Inference {
  readonly program: Program
  readonly at: (value: Value) => Value
}

/** Channels that fill blocks of this size fill those of every processor. */
const WIDEST_BLOCK = 16

/** The graph in the form that runs fastest, and where its values went. */
export async function fastest(graph: Graph): Promise<Rewritten> {
  const thin = dropUnreadPixels(graph)
  // Folding makes new weights, which other networks need not wait for: the engine folds them too.
  if (thin.graph === graph && !suitsWinograd(graph, WIDEST_BLOCK)) return thin
  // The engine is asked last: its first answer takes a cold process tens of milliseconds, and few networks need it.
  const block = (await engine().blockSize()) === 0 ? 0 : WIDEST_BLOCK
  return inSequence(graph, [() => thin, foldBatchNorm, (one) => winograd(one, block)])
}

/** Compiles a graph in the form that runs fastest. */
export async function compileInference(graph: Graph, options: Pick<CompileOptions, 'lanes' | 'planned'> = {}): Promise<Inference> {
  const { graph: fast, at } = await fastest(graph)
  return { program: await engine().compile(fast, options), at }
}

/** A part of a network, which reads what the part before it gives. */
export interface Stage {
  readonly program: Program
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  /** Rows that are best computed together; undefined: as many as photos are. */
  readonly rows: number | undefined
}

/** Rows that large dense kernels are read for at once. */
const DENSE_ROWS = 64

/** Compiles a graph in the form that runs fastest, in two parts where large dense kernels follow the convolutions. */
export async function compileStages(graph: Graph): Promise<readonly Stage[]> {
  const cut = cutBeforeDense(graph)
  if (!cut) return [await compileStage(graph)]
  const front = await compileStage(cut.front)
  try {
    return [front, await compileStage(cut.tail, DENSE_ROWS)]
  } catch (error) {
    await front.program.dispose()
    throw error
  }
}

async function compileStage(graph: Graph, rows?: number): Promise<Stage> {
  const { program, at } = await compileInference(graph)
  return { program, inputs: graph.inputs, outputs: graph.outputs.map(at), rows }
}
