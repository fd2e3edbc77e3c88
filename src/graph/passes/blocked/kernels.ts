/**
 * @file Kernels in the order that convolutions on blocks read. They change with every step, so that this runs in the graph: ReorderInput
 * does most of it at the speed of memory, and what it leaves are transpositions of whole blocks.
 */
import type { Node, Value } from '../../graph.ts'
import { numbersOf, sizes } from '../../operators/shapes.ts'
import { reshape } from '../../operators/steps.ts'
import type { Tape } from '../../tape.ts'
import { maker } from '../rewrite.ts'

/** [O,C,kh,kw] as [O/b, C/b, kh, kw, b of C, b of O], or as [O/b, C, kh, kw, b of O] where C is smaller than a block. */
export function blockedKernel(tape: Tape, kernel: Value, block: number): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = sizes(kernel)
  const turned = c % block === 0 ? turnedKernel(tape, kernel) : undefined
  if (turned) return adjointKernel(tape, turned, block)
  // O as the channels of one picture whose pixels are all the rest.
  const rows = tape.op('ReorderInput', [reshape(tape, kernel, [1, o, 1, c * kh * kw])], {})
  if (c % block !== 0 || (kh === 1 && kw === 1)) return reshape(tape, rows, [o, c, kh, kw])
  const split = reshape(tape, rows, [(o * c) / block / block, block, kh * kw, block])
  return reshape(tape, tape.op('Transpose', [split], { perm: [0, 2, 1, 3] }), [o, c, kh, kw])
}

/** [C,1,kh,kw] as [C/b, kh, kw, b]. */
export function blockedDepthwiseKernel(tape: Tape, kernel: Value): Value {
  const [c = 0, , kh = 0, kw = 0] = sizes(kernel)
  if (kh === 1 && kw === 1) return kernel
  return reshape(tape, tape.op('ReorderInput', [reshape(tape, kernel, [1, c, kh, kw])], {}), [c, 1, kh, kw])
}

interface Turned {
  /** [O,C,kh,kw] */
  readonly original: Value
  /** Whether height and width run backwards. */
  readonly flipped: boolean
}

/** The kernel of an input gradient: in and out exchanged, and turned by half a circle where it is larger than one pixel. */
function turnedKernel(tape: Tape, kernel: Value): Turned | undefined {
  const swap = maker(tape, kernel) as Node<'Transpose'> | undefined
  const source = swap?.inputs[0]
  if (swap?.op !== 'Transpose' || swap.attributes.perm.join() !== '1,0,2,3' || !source) return undefined
  const flip = maker(tape, source)
  if (flip?.op !== 'Slice') return { original: source, flipped: false }
  const [original, , , , by] = flip.inputs
  const steps = by && tape.constants.get(by)
  const isFlip = original && steps && numbersOf(steps).join() === '-1,-1'
  return isFlip ? { original, flipped: true } : { original: source, flipped: false }
}

/** From [O,C,kh,kw] straight to [C/b, O/b, kh, kw, b of O, b of C]. */
function adjointKernel(tape: Tape, { original, flipped }: Turned, block: number): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = sizes(original)
  // O rows of C numbers are a picture with C channels, which lie last.
  if (kh * kw === 1)
    return reshape(tape, tape.op('ReorderInput', [reshape(tape, original, [1, o, 1, c])], { channels_last: 1 }), [c, o, 1, 1])
  const squares = adjointSquares(tape, original, block)
  return reshape(tape, flipped ? flippedTaps(tape, squares, { first: [0, 0], by: [1, 1] }) : squares, [c, o, kh, kw])
}

/** From [O,C,kh,kw] to [C/b · O/b, kh, kw, b of O · b of C]. */
export function adjointSquares(tape: Tape, kernel: Value, block: number): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = sizes(kernel)
  const split = reshape(tape, tape.op('ReorderInput', [kernel], {}), [o / block, block, c / block, kh * kw, block])
  const turned = tape.op('Transpose', [split], { perm: [2, 0, 3, 1, 4] })
  return reshape(tape, turned, [(o * c) / block / block, kh, kw, block * block])
}

/** Of [squares, kh, kw, numbers] every so-many-th tap from the first on, in the opposite order. */
export function flippedTaps(tape: Tape, squares: Value, { first, by }: Readonly<Record<'first' | 'by', readonly number[]>>): Value {
  const size = sizes(squares).slice(1, 3)
  const last = size.map((taps, axis) => taps - 1 - ((taps - 1 - first[axis]!) % by[axis]!))
  const lowest = -Number.MAX_SAFE_INTEGER
  const cut = [last, [lowest, lowest], [1, 2], by.map((step) => -step)].map((integers) => tape.integers(integers))
  return tape.op('Slice', [squares, ...cut], {})
}
