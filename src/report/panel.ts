/** @file One chart with title, note, legend, grid and axes; what is inside comes from the caller. */
import type { Axis, Scale } from './axis.ts'
import { COLORS, el, textAt, type Child, type Markup } from './svg.ts'
import { shorten, textWidth } from './text.ts'

export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** The inner area and the scales that lead into it. */
export interface Plot extends Box {
  readonly x: Scale
  readonly y: Scale
}

export interface LegendEntry {
  readonly label: string
  /** Drawn in a field of 30 · 14 around the origin's right. */
  readonly sample: Markup
}

export interface PanelOptions {
  readonly title: string
  /** A fainter line below the title. */
  readonly note?: string
  readonly legend?: readonly LegendEntry[]
  readonly x: Axis
  readonly y: Axis
  readonly xLabel: string
  /** A unique name inside the picture; content outside the axes is cut off. */
  readonly id: string
  /** How far content may stand out of the axes, in pixels. Default 8. */
  readonly slack?: number
  readonly draw: (plot: Plot) => Child
}

const tickSize = 11
const sampleWidth = 30

/** The chart inside `box`, labels included. */
export function panel(box: Box, options: PanelOptions): Markup {
  const { x, y, id } = options
  const labelWidth = Math.max(...y.ticks.map(({ label }) => textWidth(label, tickSize)), 0)
  const header = options.note === undefined ? 26 : 42
  const left = box.left + labelWidth + 12
  const area: Box = { left, top: box.top + header, width: box.left + box.width - left - 12, height: box.height - header - 40 }
  const plot: Plot = {
    ...area,
    x: x.scale.copy().range([area.left, area.left + area.width]),
    y: y.scale.copy().range([area.top + area.height, area.top]),
  }
  // Markers at the border may stand out a little.
  const slack = options.slack ?? 8
  const clip = { x: area.left - slack, y: area.top - slack, width: area.width + 2 * slack, height: area.height + 2 * slack }
  return el(
    'g',
    {},
    heading(box, area, options),
    el('clipPath', { id }, el('rect', clip)),
    // The grid is inside too: resvg 2.6.2 ends the process when all of a clipped group lies outside of the picture.
    el('g', { 'clip-path': `url(#${id})` }, grid(plot, options), options.draw(plot)),
    axes(plot, options),
  )
}

function heading(box: Box, area: Box, { title, note, legend = [] }: PanelOptions): Child {
  const right = area.left + area.width
  let x = right
  const entries = legend.toReversed().map(({ label, sample }) => {
    x -= textWidth(label, 12) + 2
    const text = textAt([x, box.top + 9], label)
    x -= sampleWidth + 6
    const drawn = el('g', { transform: `translate(${Math.round(x)} ${Math.round(box.top + 9)})` }, sample)
    x -= 16
    return [drawn, text]
  })
  return [
    textAt([area.left, box.top + 9], shorten(title, x - area.left, 14), { size: 14, bold: true }),
    note === undefined ? undefined : textAt([area.left, box.top + 28], shorten(note, area.width, 11), { size: 11, fill: COLORS.faint }),
    entries,
  ]
}

function grid(plot: Plot, { x, y }: PanelOptions): Child {
  const { left, top, width, height } = plot
  return [
    x.ticks.map(({ value }) => line([plot.x(value), top], [plot.x(value), top + height], COLORS.grid)),
    y.ticks.map(({ value }) => line([left, plot.y(value)], [left + width, plot.y(value)], COLORS.grid)),
    line([left, top + height], [left + width, top + height], COLORS.axis),
  ]
}

function axes(plot: Plot, { x, y, xLabel }: PanelOptions): Child {
  const { left, top, width, height } = plot
  const bottom = top + height
  return [
    x.ticks.map(({ value, label }) =>
      label === '' ? undefined : textAt([plot.x(value), bottom + 13], label, { size: tickSize, anchor: 'middle' }),
    ),
    y.ticks.map(({ value, label }) =>
      label === '' ? undefined : textAt([left - 7, plot.y(value)], label, { size: tickSize, anchor: 'end' }),
    ),
    textAt([left + width / 2, bottom + 30], xLabel, { size: tickSize, anchor: 'middle', fill: COLORS.faint }),
  ]
}

function line([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number], stroke: string): Markup {
  return el('line', { x1, y1, x2, y2, stroke })
}
