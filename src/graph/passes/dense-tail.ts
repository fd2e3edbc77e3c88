/**
 * @file Cuts a network before its first large dense kernel. Convolutions are fastest a few photos at a time; a dense kernel has to be read from
 * memory for each run, however many photos it is for: VGG16's 411 MB take as long for four photos as for forty.
 */
import type { Graph, Node, Value } from '../graph.ts'
import { downstream } from '../graph.ts'
import { sizeOf } from '../../tensor/index.ts'
import { prune } from '../tape.ts'
import { startAt } from './freeze-boundary.ts'

/** Numbers of a kernel from which on reading it takes longer than another call of the engine. */
const LARGE = 2 ** 24

/** A graph in two parts, the second of which reads one value of the first and nothing else. */
export interface DenseTail {
  /** From the inputs to `rows`. */
  readonly front: Graph
  /** The value between the parts, one row for each photo. */
  readonly rows: Value
  /** From `rows` to the outputs. */
  readonly tail: Graph
}

/** Undefined where there is no large kernel, or more than one value would have to cross the cut. */
export function cutBeforeDense(graph: Graph): DenseTail | undefined {
  const first = graph.nodes.find((node) => isLarge(graph, node))
  const rows = first?.inputs[0]
  if (!rows || rows.shape[0] !== null || [...graph.inputs, ...graph.outputs].includes(rows)) return undefined
  const later = downstream(graph.nodes, [rows])
  if (!graph.outputs.every((output) => later.has(output))) return undefined
  const tail = startAt(graph, [rows])
  if (tail.inputs.length > 1) return undefined
  return { front: prune({ ...graph, outputs: [rows] }), rows, tail }
}

function isLarge(graph: Graph, { op, inputs: [, kernel] }: Node): boolean {
  if ((op !== 'MatMul' && op !== 'Gemm') || !kernel) return false
  return (graph.constants.has(kernel) || graph.parameters.has(kernel)) && sizeOf(kernel.shape.map((size) => size ?? 0)) >= LARGE
}
