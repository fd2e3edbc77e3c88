/** @file Compiles a graph that only runs forward, its weights being constants. */
import { engine, type CompileOptions, type Program } from '../engine/index.ts'
import { inRoom, LARGE, sizeOf, type Shape } from '../tensor/index.ts'
import {
  blockedLayout,
  cutBeforeDense,
  dropUnreadPixels,
  foldBatchNorm,
  foldPadding,
  inSequence,
  suitsBlocks,
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

/** How it is compiled. */
export interface InferenceOptions extends Pick<CompileOptions, 'lanes' | 'planned'> {
  /**
   * Kernels are put into the order that the engine reads, where the network suits it: the engine would hold them twice while it does so. Default: from 32 MiB of
   * weights on, since a cold process waits for what the engine says of its blocks.
   */
  readonly blocks?: boolean
}

/** Bytes of all constants and parameters. */
export function weightBytes({ parameters, constants }: Graph): number {
  const bytes = ({ shape, dtype }: Value): number => sizeOf(shape as Shape) * (dtype === 'int8' || dtype === 'uint8' ? 1 : 4)
  return [...parameters.keys(), ...constants.keys()].reduce((sum, value) => sum + bytes(value), 0)
}

/** Whether memory counts. */
export const isLargeNetwork = (graph: Graph): boolean => weightBytes(graph) >= LARGE

/** Compiles a graph in the form that runs fastest. */
export async function compileInference(graph: Graph, options: InferenceOptions = {}): Promise<Inference> {
  const { blocks = isLargeNetwork(graph), ...others } = options
  const { graph: fast, at } = (blocks ? await inBlocks(graph) : undefined) ?? (await fastest(graph))
  // What is needed to make a program ready is as large as it is.
  return { program: await inRoom(weightBytes(graph), () => engine().compile(fast, others)), at }
}

async function inBlocks(graph: Graph): Promise<Rewritten | undefined> {
  const block = await engine().blockSize()
  if (block === 0 || !suitsBlocks(graph, block) || suitsWinograd(graph, WIDEST_BLOCK)) return undefined
  return inSequence(graph, [dropUnreadPixels, foldBatchNorm, foldPadding, (folded) => blockedLayout(folded, block, { fixed: true })])
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
