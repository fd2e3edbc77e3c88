/** @file What an engine is: it compiles a graph once and runs it often. The same conformance suite holds for each. */
import type { Tensor } from '../tensor/index.ts'
import type { Graph, Value } from '../graph/index.ts'

/** Where a graph runs. */
export const engineNames = ['cpu', 'webgpu', 'cuda'] as const
/** The name of an engine. */
export type EngineName = (typeof engineNames)[number]

/** How a graph is compiled. */
export interface CompileOptions {
  /** Parameters that are fed at each run; all others become constants, which the engine may pack and fold. */
  readonly asInputs?: ReadonlySet<Value>
  /** Threads of one run. Default: ROOTSTOCK_THREADS, else as many as the process has cores. */
  readonly threads?: number
  /**
   * What its threads do between runs. By default they look out for work for about a millisecond. 'sleep' is for programs that run now and then between
   * runs of others, which they would slow down; 'wait', five milliseconds long, for those whose runs follow each other with other work in between.
   */
  readonly between?: 'sleep' | 'wait'
  /**
   * Whether the engine lays out the memory of later runs in one piece, which it takes beside that of the first: a training step of ResNet50 holds
   * 3.7 GB with it and 2.3 GB without, in the same time. Small programs are a little faster with it. Default true.
   */
  readonly planned?: boolean
  /**
   * Runs that can go on side by side, each with a session of its own in a thread of its own, among which `threads` are dealt out: for programs that are run
   * over and over beside other work. Takes as many times the memory; `into` is not heeded. Only on the processor, and where all outputs are float32. Default 1.
   */
  readonly lanes?: number
  /** Graph rewriting by the engine. 'none' runs the nodes as they stand. Default 'all'. */
  readonly optimize?: 'all' | 'none'
  /** Writes the engine's profile to a file of this prefix. */
  readonly profile?: string
}

/** A compiled graph. It holds native memory until it is disposed of. */
export interface Program {
  /** What it was compiled from. */
  readonly graph: Graph
  /**
   * Runs once. Outputs named in `into` are written into those tensors (which may be inputs, see mayOverwrite);
   * the others are new.
   */
  run(feeds: ReadonlyMap<Value, Tensor>, into?: ReadonlyMap<Value, Tensor>): Promise<ReadonlyMap<Value, Tensor>>
  /** Frees its native memory. */
  dispose(): Promise<void>
}

/** Something that computes graphs. */
export interface Engine {
  /** What computes. */
  readonly name: EngineName
  /** Makes a program of a graph. Throws ENGINE where it cannot run it. */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>
  /** Channels that lie together in the engine's own layout on this machine (see `blockedLayout`); 0 where it has none. */
  blockSize(): Promise<number>
}
