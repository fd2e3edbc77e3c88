/**
 * @file The order of nodes that nobody reads. ONNX Runtime begins with the last of them, does all that it needs, and goes on with the one before.
 * A gradient of the first layer needs the whole way back: were it the last, what all others need would have to be kept until then.
 */
import { consumers, type Graph } from '../graph.ts'

/** The graph with the nodes that nobody reads at its end: those that were recorded first come last. */
export function leavesLast(graph: Graph): Graph {
  const readers = consumers(graph)
  const isLeaf = ({ outputs }: Graph['nodes'][number]): boolean => outputs.every((output) => !readers.has(output))
  return { ...graph, nodes: [...graph.nodes.filter((node) => !isLeaf(node)), ...graph.nodes.filter(isLeaf).reverse()] }
}
