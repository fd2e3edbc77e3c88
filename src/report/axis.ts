/** @file Axes with round ticks, linear and logarithmic. */
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3-scale'

export type Scale = ScaleContinuousNumeric<number, number>

export interface Axis {
  /** Its range is set when the axis is placed. */
  readonly scale: Scale
  readonly ticks: readonly Tick[]
}

export interface Tick {
  readonly value: number
  readonly label: string
}

export type Extent = readonly [least: number, greatest: number]

/** Markers at the first and last place keep off the frame by this part of the width. */
const sidePad = 0.02
const logPad = 0.06

/** Over more decades, the lines between the powers of ten are left out. */
const mostFineDecades = 3

/** Least and greatest of the finite values; undefined when there are none. */
export function extentOf(...lists: readonly (readonly number[])[]): Extent | undefined {
  let least = Infinity
  let greatest = -Infinity
  for (const list of lists) {
    for (const value of list) {
      if (!Number.isFinite(value)) continue
      if (value < least) least = value
      if (value > greatest) greatest = value
    }
  }
  return least <= greatest ? [least, greatest] : undefined
}

/** An axis from round number to round number around the extent; `within` is never passed. */
export function linearAxis(extent: Extent, count: number, within: Extent = [-Infinity, Infinity]): Axis {
  const [least, greatest] = widened([calm(extent[0]), calm(extent[1])])
  const nice = scaleLinear([least, greatest], [0, 1]).nice(count).domain()
  const scale = scaleLinear([Math.max(nice[0] ?? 0, within[0]), Math.min(nice[1] ?? 1, within[1])], [0, 1])
  const size = Math.max(Math.abs(least), Math.abs(greatest))
  const format = size >= 1e6 || size < 1e-4 ? scale.tickFormat(count, '~e') : scale.tickFormat(count)
  return { scale, ticks: scale.ticks(count).map((value) => ({ value, label: plain(format(value)) })) }
}

/** An axis for `count` things numbered from 1; ticks are whole. */
export function numberAxis(count: number, ticks: number): Axis {
  const scale = scaleLinear(count > 1 ? [1 - count * sidePad, count + count * sidePad] : [0.5, 1.5], [0, 1])
  const values = scale.ticks(ticks).filter((value) => Number.isInteger(value) && value >= 1 && value <= count)
  // The first epoch is worth a tick, unless one stands so near that their labels would touch.
  const second = values[0] ?? 1
  const all = second > 1 && second - 1 > count / (ticks * 1.6) ? [1, ...values] : values
  return { scale, ticks: all.map((value) => ({ value, label: String(value) })) }
}

/** A logarithmic axis around a positive extent; labels at powers of ten, and between them where there are few. */
export function logAxis([least, greatest]: Extent): Axis {
  const from = Math.max(least, 1e-250)
  const to = Math.max(from, Math.min(greatest, 1e250))
  const pad = to / from > 1.001 ? 10 ** (logPad * (Math.log10(to) - Math.log10(from))) : 3
  const domain: Extent = [from / pad, to * pad]
  const scale = scaleLog(domain, [0, 1])
  const decades = Math.log10(domain[1] / domain[0])
  const step = Math.ceil(decades / 7)
  const labelled = (value: number): boolean => {
    const power = Math.floor(Math.log10(value) + 1e-9)
    const lead = Math.round(value / 10 ** power)
    if (lead === 1) return power % step === 0
    return decades < 2 && (lead === 2 || lead === 5 || decades < 0.7)
  }
  const format = domain[0] < 1e-3 || domain[1] >= 1e6 ? (value: number): string => plain(value.toExponential()) : shortNumber
  const ticks = scale.ticks().map((value) => ({ value, label: labelled(value) ? format(Number(value.toPrecision(2))) : '' }))
  return { scale, ticks: decades > mostFineDecades ? ticks.filter(({ label }) => label !== '') : ticks }
}

/** At most six digits, in powers of ten outside 0.001 to a million. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞'
  const rounded = Number(value.toPrecision(4))
  if (!Number.isFinite(rounded)) return plain(value.toExponential(3))
  const size = Math.abs(rounded)
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return plain(rounded.toExponential())
  return plain(rounded.toLocaleString('en-US', { maximumFractionDigits: 8 }))
}

/** Without the ends of the doubles, where differences overflow and steps underflow. */
function calm(value: number): number {
  return Math.abs(value) < 1e-250 ? 0 : Math.min(1e250, Math.max(-1e250, value))
}

function widened([least, greatest]: Extent): Extent {
  // Nearer values differ by rounding only, and their labels would need more digits than there is room for.
  if (greatest - least > 1e-6 * Math.max(Math.abs(least), Math.abs(greatest))) return [least, greatest]
  const pad = Math.abs(least) * 0.1 || 0.1
  return [least - pad, greatest + pad]
}

/** The typographic minus, and no plus in exponents. */
function plain(label: string): string {
  return label.replace('e+', 'e').replaceAll('-', '−')
}
