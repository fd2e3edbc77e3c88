/** @file Moves padding with zeros into the windows that read it: one pass over the picture less, and 8-bit kernels know no padding of its own. */
import { sameShape } from '../../tensor/index.ts'
import { type Graph, type Node, type Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { floatsOf } from './floats.ts'
import { maker, rewrite, type Rewritten } from './rewrite.ts'

/**
 * Into convolutions always; into max pooling, whose own padding never wins, only where all numbers are at least zero and no window lies
 * in the padding alone. Values that are to be `kept` are read as before.
 */
export function foldPadding(graph: Graph, kept: readonly Value[] = []): Rewritten {
  return rewrite(graph, (tape, node, inputs) => {
    if (node.op !== 'Conv' && node.op !== 'MaxPool') return undefined
    const pad = inputs[0] && maker(tape, inputs[0])
    const padding = pad && spatialZeros(graph, pad)
    const x = pad?.inputs[0]
    if (!padding || !x || kept.includes(node.inputs[0]!)) return undefined
    const attributes = node.attributes as Attributes['Conv' | 'MaxPool']
    const pads = attributes.pads.map((size, i) => size + padding[i]!)
    if (node.op === 'MaxPool' && !(isNonNegative(tape, x) && fits(node as Node<'MaxPool'>, pads))) return undefined
    const given = [x, ...inputs.slice(1)]
    const outputs = tape.ops(node.op, given, { ...attributes, pads }, node.name)
    return sameShape(outputs[0]!.shape, node.outputs[0]!.shape) ? outputs : undefined
  })
}

/** Zeros above, left, below and right, where the node adds nothing else. */
function spatialZeros({ constants }: Graph, node: Node): readonly number[] | undefined {
  if (node.op !== 'Pad') return undefined
  const [, amounts, filling] = node.inputs
  const given = amounts && constants.get(amounts)
  const pads = given && Array.from(given.data as ArrayLike<number | bigint>, Number)
  const isZero = !filling || constants.get(filling)?.data.every((value: number | bigint) => Number(value) === 0)
  if (pads?.length !== 8 || !isZero || pads.some((size) => size < 0)) return undefined
  const [n, c, top, left, endN, endC, bottom, right] = pads as [number, number, number, number, number, number, number, number]
  return n + c + endN + endC === 0 ? [top, left, bottom, right] : undefined
}

function fits({ attributes }: Node<'MaxPool'>, pads: readonly number[]): boolean {
  return pads.every((size, i) => size < attributes.kernel_shape[i % 2]!)
}

/** Whether what makes a value lets nothing below zero through. */
export function isNonNegative(tape: Pick<Tape, 'nodes' | 'constants' | 'parameters'>, value: Value): boolean {
  const node = maker(tape, value)
  if (node?.op === 'Relu') return true
  const least = node?.op === 'Clip' && node.inputs[1] ? floatsOf(tape, node.inputs[1])?.[0] : undefined
  return least !== undefined && least >= 0
}
