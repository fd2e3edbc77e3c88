/**
 * @file Moves a graph whose weights are fed to it into the engine's blocked layout.
 *
 * The engine does this by itself for convolutions with constant weights only. On blocks, convolutions are up to twice as fast in late layers
 * and depthwise ones ten times; an affine map per channel, a sum and an activation are one pass; and a sum of products per channel, which
 * batch normalization and the gradient of depthwise kernels need, is a convolution that reads both factors once.
 */
import { consumers, readOnce, type Graph, type Node, type Value } from '../../graph.ts'
import type { OpName } from '../../operators/signatures.ts'
import { isWeight } from '../floats.ts'
import { rewrite, type Rewritten } from '../rewrite.ts'
import { createLayouts, type Layouts } from './layouts.ts'
import { anyBatch, rules, type Rule } from './rules.ts'

/**
 * `block` channels lie together: what the engine says of its processor. Where the weights are `fixed`, kernels are put into order when the graph is compiled;
 * by default they are computed in the graph.
 */
export function blockedLayout(graph: Graph, block: number, { fixed = false } = {}): Rewritten {
  const isReadOnce = readOnce(graph)
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  const madeForOne = new Set<Value>()
  let layouts: Layouts | undefined
  return rewrite(graph, (tape, node, inputs) => {
    layouts ??= createLayouts(tape, block, { isReadOnce: (value) => madeForOne.has(value), fixed })
    const [output, ...others] = node.outputs
    const isAlone = others.every((value) => !readers.has(value) && !outputs.has(value))
    const made = isAlone ? ruleFor(node)?.(layouts, node, inputs) : undefined
    if (made && output) {
      if (isReadOnce(output)) madeForOne.add(made)
      return [outputs.has(output) ? layouts.toPlain(made) : made]
    }
    const { toPlain } = layouts
    const plain = inputs.map((value) => value && toPlain(value))
    return tape.ops(node.op, plain, node.attributes, node.name)
  })
}

function ruleFor({ op, inputs }: Node): Rule<OpName> | undefined {
  const isOpen = inputs.some((value) => value?.shape.length === 4 && value.shape[0] === null)
  return isOpen && !anyBatch.has(op) ? undefined : (rules[op] as Rule<OpName> | undefined)
}

/** Whether all of a network's convolutions can compute in blocks: the engine itself fills blocks up where channels are missing. */
export function suitsBlocks(graph: Graph, block: number): boolean {
  const convolutions = graph.nodes.filter((node): node is Node<'Conv'> => node.op === 'Conv')
  return convolutions.length > 0 && convolutions.every((node) => suits(graph, node, block))
}

function suits(graph: Graph, { inputs: [x, w], attributes: { group } }: Node<'Conv'>, block: number): boolean {
  const [incoming, outgoing] = [x?.shape[1] ?? 0, w?.shape[0] ?? 0]
  if (!w || !isWeight(graph, w) || outgoing % block !== 0) return false
  if (group === 1) return incoming % block === 0 || incoming < block
  return group === incoming && incoming === outgoing
}
