/** @file The curves of a training: one chart for each metric, train and validation in it, and the learning rate below. */
import { refuseUnknown } from '../errors.ts'
import { extentOf, linearAxis, logAxis, numberAxis, shortNumber, type Axis, type Extent } from './axis.ts'
import { drawCurve, legendEntry, LOOKS, meanSpan, type Curve } from './curves.ts'
import { panel, type Box } from './panel.ts'
import { picture, type Picture } from './picture.ts'
import { svgDocument, textAt, type Markup } from './svg.ts'
import { shorten } from './text.ts'

/** What `plotTraining` takes. */
export interface PlotTrainingOptions {
  /** Above the charts. Default none. */
  readonly title?: string
}

/** The series of one chart. */
interface Metric {
  readonly name: string
  readonly train: readonly number[] | undefined
  readonly validation: readonly number[] | undefined
}

const rateKey = 'learning_rate'
const margin = 16
const gap = 20
const panelSize = { width: 480, height: 330 }
const rateHeight = 160
/** Where a chart of losses has a spike so far above the rest, only a logarithmic axis shows both. */
const logAbove = 50

/**
 * Accuracy and loss side by side, further metrics below, the learning rate last, with a value for each epoch from 1.
 * `history` has Keras's keys (`loss`, `val_loss`, `accuracy`, …); values that are not finite are gaps, and the chart counts them.
 * Epochs are marked with stars, some of them above 60; above 600 a mean is drawn over the pale values. An empty history gives a picture that says so.
 */
export function plotTraining(history: Readonly<Record<string, readonly number[]>>, options: PlotTrainingOptions = {}): Picture {
  refuseUnknown('plotTraining', options, { title: true })
  const metrics = metricsOf(history)
  const rates = history[rateKey]
  const columns = Math.min(2, Math.max(1, metrics.length))
  const width = 2 * margin + columns * panelSize.width + (columns - 1) * gap
  const top = margin + (options.title === undefined ? 0 : 34)
  const rows = Math.ceil(metrics.length / columns)
  const rateTop = top + rows * (panelSize.height + gap)
  const height = Math.max(120, rates ? rateTop + rateHeight + margin : rateTop - gap + margin)
  const boxOf = (i: number): Box => ({
    left: margin + (i % columns) * (panelSize.width + gap),
    top: top + Math.floor(i / columns) * (panelSize.height + gap),
    ...panelSize,
  })
  const children = [
    options.title === undefined
      ? undefined
      : textAt([margin, margin + 9], shorten(options.title, width - 4 * margin, 18), { size: 18, bold: true }),
    metrics.map((metric, i) => metricPanel(boxOf(i), metric, `panel-${i}`)),
    rates ? ratePanel({ left: margin, top: rateTop, width: width - 2 * margin, height: rateHeight }, rates) : undefined,
    metrics.length === 0 && !rates ? textAt([width / 2, height / 2], 'no values yet', { anchor: 'middle' }) : undefined,
  ]
  return picture(svgDocument({ width, height }, options.title ?? 'Training curves', children))
}

/** Accuracies first, then losses, then the rest, each in the order of the history. */
function metricsOf(history: Readonly<Record<string, readonly number[]>>): Metric[] {
  const names = [...new Set(Object.keys(history).map((key) => key.replace(/^val_/, '')))].filter((name) => name !== rateKey)
  const series = (key: string): readonly number[] | undefined => (Object.hasOwn(history, key) ? history[key] : undefined)
  const rank = (name: string): number => (/acc/i.test(name) ? 0 : name === 'loss' ? 1 : 2)
  return names.map((name) => ({ name, train: series(name), validation: series(`val_${name}`) })).sort((a, b) => rank(a.name) - rank(b.name))
}

function metricPanel(box: Box, { name, train, validation }: Metric, id: string): Markup {
  const curves: Curve[] = [
    ...(train ? [{ label: 'train', values: train, look: LOOKS.train }] : []),
    ...(validation ? [{ label: 'validation', values: validation, look: LOOKS.validation }] : []),
  ]
  const lists = curves.map(({ values }) => values)
  const count = Math.max(1, ...lists.map(({ length }) => length))
  const y = valueAxis(lists)
  return panel(box, {
    title: name.replaceAll('_', ' '),
    note: noteOf(name, curves, y.isLog),
    legend: curves.map(legendEntry),
    x: numberAxis(count, 8),
    y: y.axis,
    xLabel: 'epoch',
    id,
    draw: (plot) => curves.map((curve) => drawCurve(plot, curve)),
  })
}

function ratePanel(box: Box, rates: readonly number[]): Markup {
  const extent = extentOf(rates) ?? [0, 1]
  const isLog = extent[0] > 0 && extent[1] / extent[0] > 20
  const curve: Curve = { label: 'learning rate', values: rates, look: LOOKS.rate, exact: true }
  return panel(box, {
    title: isLog ? 'learning rate, logarithmic' : 'learning rate',
    x: numberAxis(Math.max(1, rates.length), 16),
    y: isLog ? logAxis(extent) : linearAxis(extent[0] < extent[1] ? extent : [Math.min(0, extent[0]), Math.max(0, extent[0])], 3),
    xLabel: 'epoch',
    id: 'panel-rate',
    draw: (plot) => drawCurve(plot, curve),
  })
}

function valueAxis(lists: readonly (readonly number[])[]): { readonly axis: Axis; readonly isLog: boolean } {
  const extent = extentOf(...lists)
  if (!extent) return { axis: linearAxis([0, 1], 5), isLog: false }
  const isLog = extent[0] > 0 && extent[1] > logAbove * medianOf(lists.flat())
  return { axis: isLog ? logAxis(extent) : linearAxis(extent, 5, naturalLimits(extent)), isLog }
}

/** Axes of shares end at 0 and 1, those of values that are never negative at 0. */
function naturalLimits([least, greatest]: Extent): Extent {
  if (least < 0) return [-Infinity, Infinity]
  return [0, greatest <= 1 && least < 1 ? Math.max(1, greatest) : greatest === 1 ? 1 : Infinity]
}

function medianOf(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

/** What the eye cannot read off: the best epoch, missing values, the mean, the axis. */
function noteOf(name: string, curves: readonly Curve[], isLog: boolean): string {
  const missing = curves.reduce((sum, { values }) => sum + values.filter((value) => !Number.isFinite(value)).length, 0)
  const span = meanSpan(Math.max(0, ...curves.map(({ values }) => values.length)))
  const parts = [
    bestOf(name, curves),
    missing > 0 ? `${missing} ${missing === 1 ? 'value' : 'values'} not finite` : undefined,
    span === undefined ? undefined : `bold: mean of ${span} epochs`,
    isLog ? 'logarithmic' : undefined,
  ]
  return parts.filter((part) => part !== undefined).join(' · ')
}

function bestOf(name: string, curves: readonly Curve[]): string | undefined {
  const direction = /loss|error/i.test(name) ? -1 : /acc|auc|precision|recall|f1/i.test(name) ? 1 : undefined
  const curve = curves.at(-1)
  if (direction === undefined || !curve) return undefined
  const scores = curve.values.map((value) => (Number.isFinite(value) ? direction * value : -Infinity))
  const best = scores.reduce((at, score, i) => (score > (scores[at] ?? -Infinity) ? i : at), 0)
  const value = curve.values[best]
  if (value === undefined || !Number.isFinite(value)) return 'no finite value'
  return `best ${curve.label} ${shortNumber(value)} in epoch ${best + 1}`
}
