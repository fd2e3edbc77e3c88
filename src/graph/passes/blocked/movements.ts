/** @file Operators that move whole blocks, whole pixels or whole pictures. */
import type { Node, Value } from '../../graph.ts'
import { numbersOf, sizes } from '../../operators/shapes.ts'
import { reshape } from '../../operators/steps.ts'
import { insertsZeros } from '../zero-insertion.ts'
import { asPixels, fits, fromPixels, type Layouts } from './layouts.ts'
import { shorterConv } from './convolutions.ts'
import { movedByConv, sampledByConv } from './single-taps.ts'

/** Pictures and channels may trade places, since a block never holds channels of two pictures. */
export function reshaped(layouts: Layouts, { outputs }: Node<'Reshape'>, [x]: readonly (Value | null)[]): Value | undefined {
  if (!x || !layouts.isBlocked(x) || outputs[0]!.shape.length !== 4) return undefined
  const [n = 0, c = 0, h, w] = sizes(x)
  const [n2 = 0, c2 = 0, h2, w2] = sizes(outputs[0]!)
  if (h !== h2 || w !== w2 || n * c !== n2 * c2) return undefined
  // With one channel it is the filter of a depthwise convolution.
  return c2 === 1 || c2 % layouts.block === 0 ? layouts.view(x, sizes(outputs[0]!)) : undefined
}

/** Channels before photos, in plain order: whole blocks change places, and ReorderOutput takes them apart. */
export function transposed(
  { tape, block, isBlocked }: Layouts,
  { attributes }: Node<'Transpose'>,
  [x]: readonly (Value | null)[],
): Value | undefined {
  if (!x || !isBlocked(x) || attributes.perm.join() !== '1,0,2,3') return undefined
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const blocks = tape.op('Transpose', [reshape(tape, x, [n, c / block, h * w * block])], { perm: [1, 0, 2] })
  const apart = tape.op('ReorderOutput', [reshape(tape, blocks, [c / block, block, n, h * w])], { channels: block })
  return reshape(tape, apart, [c, n, h, w])
}

export function concatenation(layouts: Layouts, { attributes }: Node<'Concat'>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, block, isBlocked, toBlocks, mark } = layouts
  const all = inputs as readonly Value[]
  if (attributes.axis !== 1 || !all.some(isBlocked) || !all.every((value) => fits(value, block))) return undefined
  return mark(tape.op('Concat', all.map(toBlocks), attributes))
}

/** Whole blocks of channels, or a part of height and width. */
export function slice(layouts: Layouts, node: Node<'Slice'>, inputs: readonly (Value | null)[]): Value | undefined {
  const { tape, block, isBlocked, mark } = layouts
  const x = inputs[0]
  if (!x || !isBlocked(x)) return undefined
  const [from, to, axes, by] = inputs.slice(1).map((value) => numbersOf(tape.constants.get(value!)!))
  const [n = 0, c = 0] = sizes(x)
  if (axes?.join() === '1' && [...from!, ...to!].every((at) => at >= 0 && at % block === 0) && by?.join() === '1')
    return mark(tape.op('Slice', inputs, node.attributes))
  if (axes?.join() !== '2,3') return undefined
  const window = { from: from!, to: to!, by: by! }
  const moved = shorterConv(layouts, x, window) ?? sampledByConv(layouts, x, window)
  if (moved) return moved
  const cut = tape.op('Slice', [asPixels(layouts, x), inputs[1]!, inputs[2]!, tape.integers([1, 2]), inputs[4]!], {})
  return fromPixels(layouts, cut, [n, c])
}

export function padding(layouts: Layouts, _node: Node<'Pad'>, [x, around, value]: readonly (Value | null)[]): Value | undefined {
  const { tape, isBlocked } = layouts
  if (!x || !around || value || !isBlocked(x)) return undefined
  const [n0, c0, top, left, n1, c1, bottom, right] = numbersOf(tape.constants.get(around)!)
  if (n0 || c0 || n1 || c1) return undefined
  const pads = [top!, left!, bottom!, right!]
  const [n = 0, c = 0] = sizes(x)
  const pad = (): Value =>
    fromPixels(layouts, tape.op('Pad', [asPixels(layouts, x), tape.integers([0, top!, left!, 0, 0, bottom!, right!, 0]), null], {}), [n, c])
  return layouts.padded(movedByConv(layouts, x, pads) ?? pad(), x, pads)
}

/** Zeros between pixels: each row becomes one row of pairs (pixel, zeros) and then empty rows. */
export function insertedZeros(
  layouts: Layouts,
  { attributes, outputs }: Node<'ConvTranspose'>,
  [x, w]: readonly (Value | null)[],
): Value | undefined {
  const { tape, block, isBlocked } = layouts
  if (!x || !w || !isBlocked(x) || !insertsZeros(tape, w, attributes)) return undefined
  const [n = 0, c = 0, h = 0, wide = 0] = sizes(x)
  const [, , height = 0, width = 0] = sizes(outputs[0]!)
  const [sy = 1, sx = 1] = attributes.strides
  const rows = reshape(tape, x, [((n * c) / block) * h, wide, block])
  const spread = tape.op('Pad', [rows, tape.integers([0, 0, 0, 0, wide * (sy - 1), block * (sx - 1)]), null], {})
  const all = reshape(tape, spread, [(n * c) / block, h * sy, wide * sx, block])
  const whole = fromPixels(layouts, all, [n, c])
  const [below, right] = [height - h * sy, width - wide * sx]
  if (below === 0 && right === 0) return whole
  const cut = tape.op('Pad', [all, tape.integers([0, 0, 0, 0, 0, below, right, 0]), null], {})
  // What is cut off are zeros: a convolution with padding reads the whole and pads less.
  return layouts.padded(fromPixels(layouts, cut, [n, c]), whole, [0, 0, below, right])
}
