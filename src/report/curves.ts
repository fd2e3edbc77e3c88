/** @file Curves: paths with gaps, star markers, and how both look in the legend. */
import { line, symbol, symbolStar } from 'd3-shape'
import type { LegendEntry, Plot } from './panel.ts'
import { COLORS, el, type Child, type Markup } from './svg.ts'
import { smooth, thin, type Point } from './thin.ts'

export interface Curve {
  readonly label: string
  /** Value i belongs to x = i + 1, or to `xs[i]`. */
  readonly values: readonly number[]
  readonly xs?: readonly number[]
  readonly look: Look
  /** Draws the values themselves however many there are; for series without noise. */
  readonly exact?: boolean
}

/** Hue, brightness and marker all differ, so that the curves part in print and for every kind of colour vision. */
export interface Look {
  readonly color: string
  readonly dash?: string
  readonly hollow?: boolean
}

/** From the palette of Okabe and Ito. */
export const LOOKS = {
  train: { color: '#0072b2' },
  validation: { color: '#d55e00', dash: '6 3', hollow: true },
  rate: { color: '#00745a' },
} as const satisfies Record<string, Look>

/** With more points, stars would cover the curve: they mark some of them. */
const mostMarkers = 60
const someMarkers = 24
/** With more points, noise would cover the course: it is drawn pale, with a mean on top. */
const mostPlain = 600
const smoothedParts = 100
const farOutside = 10_000

/** Whether curves of so many points are drawn as a mean over the pale values; and over how many places. */
export function meanSpan(count: number): number | undefined {
  return count > mostPlain ? 2 * Math.ceil(count / smoothedParts / 2) + 1 : undefined
}

/** The curve inside the plot. */
export function drawCurve(plot: Plot, curve: Curve): Child {
  const { values, look } = curve
  const span = curve.exact ? undefined : meanSpan(values.length)
  if (span === undefined)
    return [path(plot, curve, values, { width: 1.75, dash: dashOf(values.length, look) }), markers(plot, curve, values)]
  const mean = smooth(values, (span - 1) / 2)
  return [path(plot, curve, values, { width: 1, opacity: 0.28 }), path(plot, curve, mean, { width: 2 }), markers(plot, curve, mean)]
}

/** How the curve looks in the legend. */
export function legendEntry({ label, values, look, exact }: Curve): LegendEntry {
  const dash = dashOf(values.length, look)
  const stroke = el('line', { x1: 0, x2: 30, y1: 0, y2: 0, stroke: look.color, 'stroke-width': 2, 'stroke-dasharray': dash })
  return { label, sample: el('g', {}, stroke, values.length <= mostMarkers || !exact ? star([15, 0], 60, look) : undefined) }
}

function dashOf(count: number, look: Look): string | undefined {
  return count <= mostMarkers ? look.dash : undefined
}

function path(
  plot: Plot,
  curve: Curve,
  values: readonly number[],
  style: { readonly width: number; readonly dash?: string | undefined; readonly opacity?: number },
): Markup | undefined {
  const points = thin(values, Math.round(plot.width / 2))
  const d = line<Point>()
    .defined(([, value]) => Number.isFinite(value))
    .x(([i]) => plot.x(xOf(curve, i)))
    .y(([, value]) => heightOf(plot, value))(points)
  if (d === null || d === '') return undefined
  const { width, dash, opacity } = style
  const stroke = { stroke: curve.look.color, 'stroke-width': width, 'stroke-dasharray': dash, 'stroke-opacity': opacity }
  // Round ends show a single value between two gaps as a dot.
  return el('path', { d, fill: 'none', ...stroke, 'stroke-linejoin': 'round', 'stroke-linecap': dash === undefined ? 'round' : undefined })
}

/** A star at each value, or at equal distances where there are too many of them. */
function markers(plot: Plot, curve: Curve, values: readonly number[]): Child {
  const { look, exact } = curve
  const isFew = values.length <= mostMarkers
  if (!isFew && exact) return undefined
  const step = isFew ? 1 : Math.ceil(values.length / someMarkers)
  const area = Math.max(14, Math.min(60, ((step * plot.width) / values.length) ** 2 * 0.34))
  return values.map((value, i) =>
    i % step === 0 && Number.isFinite(value) ? star([plot.x(xOf(curve, i)), heightOf(plot, value)], area, look) : undefined,
  )
}

function xOf({ xs }: Curve, i: number): number {
  return xs ? (xs[i] ?? NaN) : i + 1
}

/** Far outside, renderers lose their precision; what is there is cut off anyway. */
function heightOf(plot: Plot, value: number): number {
  const height = plot.y(value)
  // The scale's interpolation of values near the end of the doubles takes infinity from infinity.
  if (Number.isNaN(height)) return value > 0 ? -farOutside : farOutside
  return Math.max(-farOutside, Math.min(farOutside, height))
}

function star([x, y]: readonly [number, number], area: number, { color, hollow = false }: Look): Markup {
  const d = symbol(symbolStar, area)() ?? ''
  const transform = `translate(${x.toFixed(2)} ${y.toFixed(2)})`
  return el('path', { d, transform, fill: hollow ? COLORS.background : color, stroke: color, 'stroke-linejoin': 'round' })
}
