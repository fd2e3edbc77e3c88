/** @file The numbers of weights, wherever a graph keeps them. */
import type { Graph, Value } from '../graph.ts'

/** The float32 numbers of a constant or parameter; undefined for values that are computed or fed, and for other types. */
export function floatsOf({ constants, parameters }: Pick<Graph, 'constants' | 'parameters'>, value: Value): Float32Array | undefined {
  const found = constants.get(value) ?? parameters.get(value)?.data()
  return found?.dtype === 'float32' ? (found.data as Float32Array) : undefined
}
