/** @file The chart of a learning-rate finder: the loss over the rates that were tried. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import { extentOf, linearAxis, logAxis, shortNumber, type Extent } from './axis.ts'
import { drawCurve, LOOKS, type Curve } from './curves.ts'
import { panel, type Plot } from './panel.ts'
import { picture, type Picture } from './picture.ts'
import { COLORS, el, svgDocument, textAt, type Child } from './svg.ts'
import { textWidth } from './text.ts'

/** What `plotLearningRates` takes. */
export interface PlotLearningRatesOptions {
  /** Default "Loss by learning rate". */
  readonly title?: string
  /** A rate to mark with a line. Default none. */
  readonly suggested?: number
}

const size = { width: 760, height: 420 }
const margin = 16
/** The loss explodes in the end; what rises further than this many times the range before the rise is cut off. */
const headroom = 0.6

/**
 * The losses over the rates on a logarithmic axis. `losses[i]` belongs to `rates[i]`; losses that are not finite are gaps.
 * Throws USAGE when the lists differ in length or no rate is positive.
 */
export function plotLearningRates(rates: readonly number[], losses: readonly number[], options: PlotLearningRatesOptions = {}): Picture {
  refuseUnknown('plotLearningRates', options, { title: true, suggested: true })
  if (rates.length !== losses.length) {
    throw new RootstockError(
      'USAGE',
      `Cannot plot learning rates: found ${rates.length} rates and ${losses.length} losses, expected as many`,
    )
  }
  const extent = extentOf(rates.filter(isUsable))
  if (!extent) throw new RootstockError('USAGE', 'Cannot plot learning rates: found no positive rate, expected at least one')
  const { title = 'Loss by learning rate', suggested } = options
  const values = losses.map((loss, i) => (isUsable(rates[i] ?? 0) ? loss : NaN))
  const curve: Curve = { label: 'loss', values, xs: rates, look: LOOKS.train, exact: true }
  const shown = lossExtent(values)
  const y = linearAxis(shown.extent, 6)
  const isMarked = suggested !== undefined && isUsable(suggested)
  const notes = [isMarked ? `suggested ${shortNumber(suggested)}` : undefined, shown.isCut ? 'the rise at the end is cut off' : undefined]
  const chart = panel(
    { left: margin, top: margin, width: size.width - 2 * margin, height: size.height - 2 * margin },
    {
      title,
      note: notes.filter((note) => note !== undefined).join(' · '),
      x: logAxis(isMarked ? [Math.min(extent[0], suggested), Math.max(extent[1], suggested)] : extent),
      y,
      xLabel: 'learning rate, logarithmic',
      id: 'panel-rates',
      slack: 1,
      draw: (plot) => [isMarked ? suggestion(plot, suggested) : undefined, drawCurve(plot, curve)],
    },
  )
  return picture(svgDocument(size, title, [chart]))
}

function isUsable(rate: number): boolean {
  return rate > 0 && Number.isFinite(rate)
}

/** The range of the losses, without the explosion that follows the least loss. */
function lossExtent(losses: readonly number[]): { readonly extent: Extent; readonly isCut: boolean } {
  const extent = extentOf(losses)
  if (!extent) return { extent: [0, 1], isCut: false }
  const before = extentOf(losses.slice(0, losses.indexOf(extent[0]) + 1)) ?? extent
  const most = before[1] + Math.max(before[1] - before[0], Math.abs(before[0]) * 0.1) * headroom
  return extent[1] > most ? { extent: [extent[0], most], isCut: true } : { extent, isCut: false }
}

function suggestion(plot: Plot, rate: number): Child {
  const x = plot.x(rate)
  const label = shortNumber(rate)
  const isRight = x + textWidth(label, 12) + 10 < plot.left + plot.width
  return [
    el('line', {
      x1: x,
      x2: x,
      y1: plot.top,
      y2: plot.top + plot.height,
      stroke: COLORS.faint,
      'stroke-width': 1.5,
      'stroke-dasharray': '4 3',
    }),
    textAt([isRight ? x + 6 : x - 6, plot.top + 10], label, { anchor: isRight ? 'start' : 'end', fill: COLORS.faint }),
  ]
}
