/**
 * @file a + s·b in one pass over memory instead of two: a convolution on blocks with one channel each and a kernel of one pixel, which the
 * engine adds to what lies in its result already. Optimizers consist of such sums, and the memory is what they wait for.
 */
import { sameShape, sizeOf } from '../../tensor/index.ts'
import type { Graph, Node, Value } from '../graph.ts'
import { readOnce } from '../graph.ts'
import { neg } from '../operators/steps.ts'
import { sizes } from '../operators/shapes.ts'
import type { Tape } from '../tape.ts'
import { pointwise } from './blocked/convolutions.ts'
import { maker, rewrite, type Rewritten } from './rewrite.ts'

/** Below this many numbers a pass costs less than a node. */
const LEAST = 2 ** 14

/** The engine shares the rows of a value out to its threads. */
const ROWS = 64

/** The shape [1, block, rows, rest] under which so many numbers can be summed in one pass; undefined when they do not fill it. */
export function summable(size: number, block: number): readonly number[] | undefined {
  if (block <= 0 || size % block !== 0 || size < LEAST) return undefined
  const pixels = size / block
  let rows = Math.min(ROWS, pixels)
  while (pixels % rows !== 0) rows--
  return [1, block, rows, pixels / rows]
}

/** Rewrites a + s·b and a − s·b, s a single number, where a and b have the shape that `summable` gives. */
export function sumScaled(graph: Graph, block: number): Rewritten {
  const isReadOnce = readOnce(graph)
  return rewrite(graph, (tape, node, inputs) => {
    const [a, b] = inputs
    const sign = node.op === 'Add' ? 1 : node.op === 'Sub' ? -1 : 0
    if (sign === 0 || !a || !b || !isRow(a, block) || !isRow(b, block)) return undefined
    // A product that other nodes read as well has to be computed anyway.
    const [first, second] = node.inputs.map((input) => input !== null && isReadOnce(input))
    const sum = second ? scaledSum(tape, { a, b, sign, block }) : undefined
    return sum ?? (first && sign > 0 ? scaledSum(tape, { a: b, b: a, sign, block }) : undefined)
  })
}

function isRow(value: Value, block: number): boolean {
  if (value.shape.length !== 4 || value.shape.includes(null)) return false
  const wanted = summable(sizeOf(sizes(value)), block)
  return wanted !== undefined && sameShape(wanted, value.shape)
}

function scaledSum(
  tape: Tape,
  { a, b, sign, block }: { readonly a: Value; readonly b: Value; readonly sign: number; readonly block: number },
): readonly Value[] | undefined {
  const product = maker(tape, b)
  const split = product?.op === 'Mul' ? splitProduct(product, sizeOf(sizes(b))) : undefined
  if (!split) return undefined
  const [x, factor] = split
  const kernel = tape.op('Expand', [sign > 0 ? factor : neg(tape, factor), tape.integers([block, 1, 1, 1])], {})
  return [tape.op('BlockedConv', [x, kernel, null, a], { ...pointwise, group: block })]
}

/** The factor with all the numbers, and the one with a single one. */
function splitProduct({ inputs: [a, b] }: Node, size: number): readonly [Value, Value] | undefined {
  if (!a || !b) return undefined
  const isWhole = (value: Value): boolean => value.shape.length === 4 && sizeOf(sizes(value)) === size
  const isSingle = (value: Value): boolean => value.shape.every((side) => side === 1)
  if (isWhole(a) && isSingle(b)) return [a, b]
  return isWhole(b) && isSingle(a) ? [b, a] : undefined
}
