/**
 * @file Lets large weights stand first in matrix products: x·W = (Wᵀ·xᵀ)ᵀ. The engine puts the numbers of a second factor in order at every
 * call unless they are constant; those of a first one it reads as they lie. Done before gradients are taken, so that they follow.
 */
import { transpose, type Tensor } from '../../tensor/index.ts'
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import { sizes } from '../operators/shapes.ts'
import * as steps from '../operators/steps.ts'
import type { Tape } from '../tape.ts'
import { rewrite, type Rewritten } from './rewrite.ts'

/** A rewritten graph, and by the old weights those that replace them: rows and columns exchanged. */
export interface Turned extends Rewritten {
  /** From each old weight to the one in its place. */
  readonly turned: ReadonlyMap<Value, Value>
}

/** Turns those of the wanted weights which only stand to the right of rows, [n, in]·[in, out]. */
export function turnFactors(graph: Graph, wanted: ReadonlySet<Value>): Turned {
  const readers = consumers(graph)
  const turned = new Map<Value, Value>()
  const isTurnable = (value: Value): boolean =>
    wanted.has(value) && graph.parameters.has(value) && (readers.get(value) ?? []).every((node) => isProduct(node, value))
  const result = rewrite(graph, (tape, node, [x, w, bias]) => {
    if (!x || !w || !isTurnable(w)) return undefined
    const factor = turned.get(w) ?? turnedFactor(tape, graph, w)
    turned.set(w, factor)
    const product = tape.op('FusedMatMul', [factor, x], { alpha: 1, transA: 0, transB: 1 }, node.name)
    const y = steps.transpose(tape, product, [1, 0])
    return [bias ? steps.add(tape, y, bias) : y]
  })
  return { ...result, turned }
}

function isProduct(node: Node, w: Value): boolean {
  const [x, second] = node.inputs
  if (second !== w || x === w || x?.shape.length !== 2 || w.shape.length !== 2) return false
  if (node.op === 'MatMul') return true
  if (node.op !== 'Gemm') return false
  const { alpha, beta, transA, transB } = (node as Node<'Gemm'>).attributes
  return alpha === 1 && beta === 1 && transA === 0 && transB === 0
}

function turnedFactor(tape: Tape, graph: Graph, w: Value): Value {
  const [rows = 0, columns = 0] = sizes(w)
  const { data } = graph.parameters.get(w)!
  return tape.parameter(`${w.name}/turned`, { shape: [columns, rows], dtype: w.dtype }, () =>
    transpose(data() as Tensor<'float32'>, [1, 0]),
  )
}
