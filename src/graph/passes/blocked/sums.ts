/** @file Sums per channel over values in blocks, in one pass over memory, with short partial sums that are added in a tree. */
import type { Value } from '../../graph.ts'
import { sizes } from '../../operators/shapes.ts'
import { meanOver, reshape, sumOver } from '../../operators/steps.ts'
import type { Layouts } from './layouts.ts'

/** Rows at least this wide are summed on their own; smaller pictures as a whole. */
const WIDE = 24
const none = [0, 0, 0, 0] as const
const ones = [1, 1] as const

/** Mean over batch, height and width: [C]. */
export function channelMean(layouts: Layouts, x: Value): Value {
  const { tape } = layouts
  const runs = tape.op('BlockedGlobalAveragePool', [inRuns(layouts, x).picture], {})
  return together(layouts, runs, { x, combine: meanOver })
}

/** Σ over batch, height and width of a·b: [C]. A depthwise convolution whose kernel is as large as its input is a product of the two. */
export function channelDot(layouts: Layouts, a: Value, b: Value): Value {
  const { tape } = layouts
  const { picture, channels } = inRuns(layouts, a)
  const kernel = reshape(tape, b, [channels, 1, ...sizes(picture).slice(2)])
  const attributes = { strides: ones, pads: none, dilations: ones, group: channels }
  return together(layouts, tape.op('BlockedConv', [picture, kernel], attributes), { x: a, combine: sumOver })
}

/** The same memory with each run of pixels as a block of channels of its own: [1, N·C·runs, 1, run]. */
function inRuns({ tape }: Layouts, x: Value): { picture: Value; channels: number } {
  const [n = 0, c = 0, h = 0, w = 0] = sizes(x)
  const channels = n * c * runsOf(x)
  return { picture: reshape(tape, x, [1, channels, 1, (n * c * h * w) / channels]), channels }
}

function runsOf(x: Value): number {
  const [, , h = 0, w = 0] = sizes(x)
  return w >= WIDE ? h : 1
}

function together({ tape, block }: Layouts, runs: Value, { x, combine }: { x: Value; combine: typeof sumOver }): Value {
  const [n = 0, c = 0] = sizes(x)
  const rows = runsOf(x)
  const perBatch = combine(tape, reshape(tape, runs, [n, c * rows]), [0])
  if (rows === 1) return perBatch
  return reshape(tape, combine(tape, reshape(tape, perBatch, [c / block, rows, block]), [1]), [c])
}
