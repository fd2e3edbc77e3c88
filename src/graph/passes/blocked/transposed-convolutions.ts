/**
 * @file The input gradient of a convolution with steps. Pixels that lie a step apart see the same taps of the kernel, so each such phase is a
 * convolution without steps; and pixels of phases lie beside each other in the end.
 *
 *   dx[s·a + i] = Σ_t W[k + s·t] · dy[a + m − t],  k = (i + pad) mod s,  m = (i + pad − k) / s
 */
import type { Node, Value } from '../../graph.ts'
import { sizes } from '../../operators/shapes.ts'
import { reshape } from '../../operators/steps.ts'
import { pointwise } from './convolutions.ts'
import { adjointSquares, flippedTaps } from './kernels.ts'
import { fits, fromPixels, type Layouts } from './layouts.ts'

/** One phase along one axis: its first tap, how many there are, and the zeros before and after dy. */
interface Phase {
  readonly tap: number
  readonly taps: number
  readonly before: number
  readonly after: number
}

/** Undefined where a phase has no tap or reads less than all of dy. */
export function transposedConvolution(layouts: Layouts, node: Node<'ConvTranspose'>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, block, mark, toBlocks } = layouts
  const [dy, w] = inputs as readonly [Value, Value]
  const { strides, pads, dilations, group } = node.attributes
  const [, , ...size] = sizes(node.outputs[0]!)
  const [n = 0, , ...from] = sizes(dy)
  const [o = 0, c = 0, ...kernel] = sizes(w)
  if (group !== 1 || dilations.some((by) => by !== 1) || !fits(dy, block) || c % block !== 0) return undefined
  const [rows, columns] = size.map((pixels, axis) =>
    phasesOf({ kernel: kernel[axis]!, step: strides[axis]!, pad: pads[axis]!, from: from[axis]!, to: Math.ceil(pixels / strides[axis]!) }),
  ) as [Phase[], Phase[]]
  if ([...rows, ...columns].some(({ taps, before, after }) => taps < 1 || before < 0 || after < 0)) return undefined
  const squares = adjointSquares(tape, w, block)
  const picture = toBlocks(dy)
  const phases = rows.map((row) =>
    columns.map((column) => {
      const taps = flippedTaps(tape, squares, { first: [row.tap, column.tap], by: strides })
      const filters = reshape(tape, taps, [c, o, row.taps, column.taps])
      const around = [row.before, column.before, row.after, column.after]
      return mark(tape.op('BlockedConv', [picture, filters, null], { ...pointwise, pads: around, group }))
    }),
  )
  return joined(layouts, phases, [n, c, ...size])
}

function phasesOf({ kernel, step, pad, from, to }: Readonly<Record<'kernel' | 'step' | 'pad' | 'from' | 'to', number>>): Phase[] {
  return Array.from({ length: step }, (_, i) => {
    const tap = (i + pad) % step
    const taps = Math.ceil((kernel - tap) / step)
    const before = taps - 1 - (i + pad - tap) / step
    return { tap, taps, before, after: to - from - before + taps - 1 }
  })
}

/** Rows and columns of phases in turn, as far as the picture goes. */
function joined(layouts: Layouts, phases: readonly (readonly Value[])[], [n = 0, c = 0, h = 0, w = 0]: readonly number[]): Value {
  const { tape, block } = layouts
  const [, , a = 0, b = 0] = sizes(phases[0]![0]!)
  const pictures = (n * c) / block
  const [sy, sx] = [phases.length, phases[0]!.length]
  const beside = (values: readonly Value[], [lines, length]: readonly [number, number]): Value => {
    const parts = values.map((value) => reshape(tape, value, [lines, length]))
    return parts.length === 1 ? parts[0]! : tape.op('Concat', parts, { axis: 1 })
  }
  const rows = phases.map((row) => beside(row, [pictures * a * b, block]))
  const whole = reshape(tape, beside(rows, [pictures * a, sx * b * block]), [pictures, sy * a, sx * b, block])
  if (sy * a === h && sx * b === w) return fromPixels(layouts, whole, [n, c])
  const cut = [
    [0, 0],
    [h, w],
    [1, 2],
    [1, 1],
  ].map((integers) => tape.integers(integers))
  return fromPixels(layouts, tape.op('Slice', [whole, ...cut], {}), [n, c])
}
