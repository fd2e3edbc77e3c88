/**
 * @file Cuts a network before its first large dense kernel. Convolutions are fastest a few photos at a time; a dense kernel has to be read from
 * memory for each run, however many photos it is for: VGG16's 411 MB take as long for four photos as for forty.
 */
import type { Graph, Node } from '../graph.ts'
import { sizes } from '../operators/shapes.ts'
import { sizeOf } from '../../tensor/index.ts'
import { prune } from '../tape.ts'
import { startAt } from './freeze-boundary.ts'
import { isWeight } from './floats.ts'

/** Numbers of a kernel from which on reading it takes longer than another call of the engine. */
const LARGE = 2 ** 24

/** A graph in two parts, the second of which reads one value of the first and nothing else. */
export interface DenseTail {
  /** From the inputs to what the kernel reads, one row for each photo. */
  readonly front: Graph
  /** From there to the outputs. */
  readonly tail: Graph
}

/** Undefined where there is no large kernel, or more than one value would have to cross the cut. */
export function cutBeforeDense(graph: Graph): DenseTail | undefined {
  const first = graph.nodes.find((node) => isLarge(graph, node))
  const rows = first?.inputs[0]
  if (!rows || rows.shape[0] !== null || [...graph.inputs, ...graph.outputs].includes(rows)) return undefined
  const tail = startAt(graph, [rows])
  if (tail.inputs.length > 1) return undefined
  return { front: prune({ ...graph, outputs: [rows] }), tail }
}

function isLarge(graph: Graph, { op, inputs: [, kernel] }: Node): boolean {
  if ((op !== 'MatMul' && op !== 'Gemm') || !kernel) return false
  return isWeight(graph, kernel) && sizeOf(sizes(kernel)) >= LARGE
}
