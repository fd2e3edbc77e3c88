/** @file Pixels moved by depthwise kernels with a single 1: Pad and Slice work on one thread, and 1·x + 0 is exact. */
import type { Value } from '../../graph.ts'
import { sizes } from '../../operators/shapes.ts'
import type { ConvAttributes } from '../../operators/signatures.ts'
import { pointwise } from './convolutions.ts'
import { blockedDepthwiseKernel } from './kernels.ts'
import type { Layouts } from './layouts.ts'

/** A kernel along one axis: its size and the place of its 1. */
interface Tap {
  readonly size: number
  readonly at: number
}

/** With zeros before and after. */
interface Sampled extends Tap {
  readonly before: number
  readonly after: number
}

/** Zeros around a picture, or a picture that is moved over its border. */
export function movedByConv(layouts: Layouts, x: Value, [top = 0, left = 0, bottom = 0, right = 0]: readonly number[]): Value | undefined {
  const axes = [
    [top, bottom],
    [left, right],
  ] as const
  if (axes.some(([before, after]) => Math.min(before, after) < 0 && before + after !== 0)) return undefined
  const [rows, columns] = axes.map(([before, after]) => ({ size: 1 + Math.max(0, -before, -after), at: Math.max(0, -before) })) as [
    Tap,
    Tap,
  ]
  const pads = [top, left, bottom, right].map((pad) => Math.max(0, pad))
  return byTaps(layouts, x, [rows, columns], { pads })
}

/** Every second pixel, say, from a picture or from what it has zeros around. */
export function sampledByConv(layouts: Layouts, x: Value, { from, to, by }: Record<'from' | 'to' | 'by', number[]>): Value | undefined {
  if (by.some((step) => step < 1) || by.every((step) => step === 1) || [...from, ...to].some((at) => at < 0)) return undefined
  const padding = layouts.unpadded(x)
  const { source, pads } = padding.pads.some((pad) => pad < 0) ? { source: x, pads: [0, 0, 0, 0] } : padding
  const [, , ...whole] = sizes(x)
  const [rows, columns] = whole.map((size, axis): Sampled => {
    const step = by[axis]!
    const count = Math.ceil((Math.min(to[axis]!, size) - from[axis]!) / step)
    // The first pixel that is read, counted from the first of the source.
    const first = from[axis]! - pads[axis]!
    const [before, at] = [Math.max(0, -first), Math.max(0, first)]
    const over = before + sizes(source)[axis + 2]! - (step * (count - 1) + at + 1)
    return { before, at, after: Math.max(0, -over), size: at + 1 + Math.max(0, over - (step - 1)) }
  }) as [Sampled, Sampled]
  return byTaps(layouts, source, [rows, columns], {
    strides: by,
    pads: [rows.before, columns.before, rows.after, columns.after],
  })
}

function byTaps({ tape, mark }: Layouts, x: Value, [rows, columns]: readonly [Tap, Tap], how: Partial<ConvAttributes>): Value {
  const channels = sizes(x)[1] ?? 0
  const one = new Float32Array(rows.size * columns.size)
  one[rows.at * columns.size + columns.at] = 1
  const numbers = Array.from({ length: channels }, () => [...one]).flat()
  const kernel = blockedDepthwiseKernel(tape, tape.number(numbers, [channels, 1, rows.size, columns.size]))
  return mark(tape.op('BlockedConv', [x, kernel, null], { ...pointwise, group: channels, ...how }))
}
