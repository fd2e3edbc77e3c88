/** @file The numbers of weights, wherever a graph keeps them. */
import type { Graph, PartReader, Value } from '../graph.ts'
import { partsIn } from '../parts.ts'

/** Whether a value is a constant or parameter. Asking for its numbers would make them: weights are turned for the graph each time. */
export function isWeight({ constants, parameters }: Pick<Graph, 'constants' | 'parameters'>, value: Value): boolean {
  return constants.has(value) || parameters.has(value)
}

/** The float32 numbers of a constant or parameter; undefined for values that are computed or fed, and for other types. */
export function floatsOf({ constants, parameters }: Pick<Graph, 'constants' | 'parameters'>, value: Value): Float32Array | undefined {
  const found = constants.get(value) ?? parameters.get(value)?.data()
  return found?.dtype === 'float32' ? (found.data as Float32Array) : undefined
}

/** The same piece by piece. */
export function partsOf(graph: Pick<Graph, 'constants' | 'parameters'>, value: Value): PartReader {
  const parts = graph.parameters.get(value)?.parts
  return parts ? parts() : partsIn(floatsOf(graph, value)!)
}
