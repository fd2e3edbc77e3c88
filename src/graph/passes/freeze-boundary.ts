/**
 * @file Cuts a graph where nothing trainable lies upstream any more.
 *
 * Everything before the cut gives the same numbers for the same photo in every epoch, so it runs once per photo; what
 * follows the cut is what training recomputes.
 */
import type { Graph, Value } from '../graph.ts'
import { consumers, downstream } from '../graph.ts'
import { prune } from '../tape.ts'
import { sizeOf } from '../../tensor/index.ts'

/** A graph in two parts. */
export interface Cut {
  /** From the photo to the features; undefined when everything depends on something trainable. */
  readonly trunk: Graph | undefined
  /** From the features to the end. Its inputs are the features, then the other inputs of the graph that it reads. */
  readonly graft: Graph
  /** The values on the cut: outputs of the trunk, inputs of the graft. */
  readonly features: readonly Value[]
}

/**
 * Cuts a graph where nothing trainable lies upstream: the trunk before the cut, the values on it, the graft behind.
 *
 * @param graph whose inputs that are not `photo` (random masks, labels) change from step to step
 * @param photo the input whose values are fixed per sample
 * @param live parameters that change during training
 */
export function cutAtFreezeBoundary(graph: Graph, photo: Value, live: Iterable<Value>): Cut {
  const changing = downstream(graph.nodes, [...live, ...graph.inputs.filter((input) => input !== photo)])
  const fixed = downstream(graph.nodes, [photo])
  const isFixed = (value: Value): boolean => fixed.has(value) && !changing.has(value)
  const readers = consumers(graph)
  const isRead = (value: Value): boolean =>
    graph.outputs.includes(value) || (readers.get(value) ?? []).some((node) => node.outputs.some((output) => !isFixed(output)))
  const features = [photo, ...graph.nodes.flatMap((node) => node.outputs)].filter((value) => isFixed(value) && isRead(value))
  if (features.length === 0 || (features.length === 1 && features[0] === photo))
    return { trunk: undefined, graft: graph, features: [photo] }
  const graft = startAt(graph, features)
  const trunk = prune({ ...graph, inputs: [photo], outputs: features })
  return { trunk, graft, features }
}

/** The part of a graph that follows the given values, which become its first inputs. */
export function startAt(graph: Graph, values: readonly Value[]): Graph {
  const given = new Set(values)
  const nodes = graph.nodes.filter((node) => !node.outputs.some((output) => given.has(output)))
  const inner = prune({ ...graph, nodes })
  const read = new Set(inner.nodes.flatMap((node) => node.inputs))
  const others = graph.inputs.filter((input) => !given.has(input) && (read.has(input) || graph.outputs.includes(input)))
  return { ...inner, inputs: [...values, ...others] }
}

/** Numbers that one sample occupies in values, whose first axis counts samples. */
export function featureSize(values: readonly Value[]): number {
  return values.reduce((sum, value) => sum + sizeOf(value.shape.slice(1).map((size) => size ?? 0)), 0)
}
