/** @file Bᵀ d B of Winograd's convolution: depthwise convolutions with two taps, of a picture or of the phases that it lies in. */
import type { Value } from '../graph.ts'
import { add } from '../operators/steps.ts'
import type { Tape } from '../tape.ts'
import { pointwise } from './blocked/convolutions.ts'
import { depthwise, type Phases } from './phases.ts'

/** Rows of Bᵀ: weights of the four inputs of a tile, the first of which lies before it. The last row has the other sign, as in Aᵀ. */
const ROWS = [
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, -1, 0, 1],
] as const

/** Outputs of a tile along an axis. */
const TILE = 2

/** Element [r][s] of Bᵀ d B for all tiles, rows first. */
export function tilesOf(tape: Tape, phases: Phases): (r: number, s: number) => Value {
  const columns = phases.map((_, column) => phases.map((row) => row[column]!))
  const rows = columns.map((column) => ROWS.map((taps) => alongAxis(tape, column, { taps, axis: 0 })))
  return (r, s) => {
    const row = rows.map((column) => column[r]!)
    return alongAxis(tape, row, { taps: ROWS[s]!, axis: 1 })
  }
}

interface Line {
  readonly taps: readonly number[]
  readonly axis: 0 | 1
}

/** One row of Bᵀ along an axis. Each phase has some of the inputs, and what they give is added up. */
function alongAxis(tape: Tape, phases: readonly Value[], { taps, axis }: Line): Value {
  const count = phases.length
  const parts = phases.flatMap((phase, at) => {
    const own = taps.flatMap((weight, i) => (weight !== 0 && (i - 1 - at) % count === 0 ? [{ offset: (i - 1 - at) / count, weight }] : []))
    return own.length > 0 ? [weighted(tape, phase, { own, axis, stride: TILE / count })] : []
  })
  const [first, second] = parts
  return second ? add(tape, first!, second) : first!
}

interface Weighted {
  readonly own: readonly { readonly offset: number; readonly weight: number }[]
  readonly axis: 0 | 1
  readonly stride: number
}

/** Σ weight · x[stride · p + offset] for each p; of one or two taps. */
function weighted(tape: Tape, x: Value, { own, axis, stride }: Weighted): Value {
  const [first, last] = [own[0]!, own.at(-1)!]
  const isItself = own.length === 1 && stride === 1 && first.offset === 0
  if (isItself) return first.weight === 1 ? x : scaled(tape, x, first.weight)
  const size = x.shape[axis + 2] ?? 0
  const pads = [0, 0, 0, 0]
  pads[axis] = -Math.min(0, first.offset)
  pads[axis + 2] = Math.max(0, (size / stride - 1) * stride + last.offset - (size - 1))
  const both = (along: number): [number, number] => (axis === 0 ? [along, 1] : [1, along])
  const weights = own.map(({ weight }) => weight)
  const dilation = Math.max(1, last.offset - first.offset)
  return depthwise(tape, x, { weights, kernel: both(own.length) }, { strides: both(stride), dilations: both(dilation), pads })
}

/** The engine adds to a convolution in the same pass, and keeps its blocks; it does neither for products. */
export function scaled(tape: Tape, x: Value, by: number): Value {
  return depthwise(tape, x, { weights: [by], kernel: [1, 1] }, pointwise)
}
