/** @file The most frequent confusions as bars, for more classes than a matrix can show. */
import { COLORS, el, svgDocument, textAt, type Markup } from './svg.ts'
import { shorten, textWidth } from './text.ts'

export interface ConfusionBarsOptions {
  /** Orders by the share of the true class instead of the count. */
  readonly normalized: boolean
  readonly title: string
}

interface Confusion {
  readonly truth: string
  readonly predicted: string
  readonly count: number
  readonly share: number
}

const mostBars = 30
const rowHeight = 22
const widestName = 220
const barWidth = 260
const margin = 16
const top = margin + 56

/** The picture as SVG; classes and counts as in `confusionMatrix`. */
export function confusionBars(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
  options: ConfusionBarsOptions,
): string {
  const { normalized, title } = options
  const all = confusions(confusion, classNames)
  const weight = ({ count, share }: Confusion): number => (normalized ? share : count)
  // Equal ones stay in the order of the classes.
  const shown = all.toSorted((a, b) => weight(b) - weight(a)).slice(0, mostBars)
  const most = Math.max(...shown.map(weight), 0)
  const columns = columnsOf(shown)
  const size = { width: columns.bars + barWidth + 110 + margin, height: top + Math.max(1, shown.length) * rowHeight + margin }
  const kinds = all.length === 1 ? '1 confusion occurs' : `${all.length} confusions occur`
  const note = `${classNames.length} classes, ${kinds}${all.length > mostBars ? `, the ${mostBars} most frequent` : ''}`
  return svgDocument(size, title, [
    textAt([margin, margin + 9], shorten(title, size.width - 2 * margin, 16), { size: 16, bold: true }),
    textAt([margin, margin + 32], `${note}${normalized ? ' · share of the true class' : ''}`, { size: 11, fill: COLORS.faint }),
    shown.map((confusion, i) =>
      bar(confusion, { ...columns, y: top + (i + 0.5) * rowHeight, length: Math.max(1, (weight(confusion) / most) * barWidth) }),
    ),
    shown.length === 0 ? textAt([margin, top + rowHeight / 2], 'no photo was taken for another class') : undefined,
  ])
}

function confusions(confusion: readonly (readonly number[])[], classNames: readonly string[]): Confusion[] {
  return confusion.flatMap((row, i) => {
    const all = row.reduce((sum, count) => sum + count, 0)
    const found: Confusion[] = []
    // Thousands of classes have millions of pairs, nearly all of them zero.
    row.forEach((count, j) => {
      if (i !== j && count !== 0) found.push({ truth: classNames[i] ?? '', predicted: classNames[j] ?? '', count, share: count / all })
    })
    return found
  })
}

/** Where the arrows and the bars stand, so that the names shown fit. */
interface Columns {
  readonly arrow: number
  readonly bars: number
}

function columnsOf(shown: readonly Confusion[]): Columns {
  const widest = (names: readonly string[]): number => Math.max(60, ...names.map((name) => textWidth(shorten(name, widestName, 12), 12)))
  const arrow = margin + widest(shown.map(({ truth }) => truth)) + 13
  return { arrow, bars: arrow + 13 + widest(shown.map(({ predicted }) => predicted)) + 16 }
}

/** "true → predicted", then a bar with its numbers behind it. */
function bar({ truth, predicted, count, share }: Confusion, place: Columns & { readonly y: number; readonly length: number }): Markup {
  const { arrow, bars, y, length } = place
  const label = `${count} (${(share * 100).toFixed(0)} %)`
  return el(
    'g',
    {},
    el('title', {}, `${truth} → ${predicted}: ${label}`),
    textAt([arrow - 13, y], shorten(truth, widestName, 12), { anchor: 'end' }),
    textAt([arrow, y], '→', { anchor: 'middle', fill: COLORS.faint }),
    textAt([arrow + 13, y], shorten(predicted, widestName, 12)),
    el('rect', { x: bars, y: y - 7, width: length, height: 14, fill: '#d55e00' }),
    textAt([bars + length + 6, y], label, { size: 11, fill: COLORS.faint }),
  )
}
