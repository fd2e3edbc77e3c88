/**
 * @file Puts a mean over windows behind the 1×1 convolution that reads it, where that leaves fewer channels to average.
 *
 * A mean that does not count padding has weights that sum to one, so it commutes with an affine map per pixel, bias included. In 8 bits
 * averaging costs a third of InceptionV3.
 */
import { consumers, type Graph, type Node } from '../graph.ts'
import { maker, rewrite, type Rewritten } from './rewrite.ts'

/** Moves average pools behind the 1 × 1 convolutions that follow: the same numbers, fewer channels to pool. */
export function poolBehind(graph: Graph): Rewritten {
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  return rewrite(graph, (tape, node, inputs) => {
    const [pooled] = node.inputs
    if (node.op !== 'Conv' || !pooled || outputs.has(pooled) || readers.get(pooled)?.length !== 1) return undefined
    const pool = inputs[0] && maker(tape, inputs[0])
    if (!pool || !isPlainMean(pool) || !isPointwise(node as Node<'Conv'>)) return undefined
    const wide = tape.op('Conv', [pool.inputs[0] ?? null, ...inputs.slice(1)], node.attributes as Node<'Conv'>['attributes'], node.name)
    return tape.ops('AveragePool', [wide], pool.attributes as Node<'AveragePool'>['attributes'], pool.name)
  })
}

function isPlainMean(node: Node): boolean {
  if (node.op !== 'AveragePool') return false
  const { count_include_pad, strides, pads } = (node as Node<'AveragePool'>).attributes
  return (count_include_pad === 0 || pads.every((size) => size === 0)) && strides.every((step) => step === 1)
}

/** A map of pixels to fewer channels. */
function isPointwise({ inputs, attributes }: Node<'Conv'>): boolean {
  const [outgoing = 0, incoming = 0, height, width] = inputs[1]?.shape.map(Number) ?? []
  const { strides, pads, group } = attributes
  return (
    height === 1 &&
    width === 1 &&
    group === 1 &&
    [...strides, 1].every((step) => step === 1) &&
    pads.every((size) => size === 0) &&
    outgoing < incoming
  )
}
