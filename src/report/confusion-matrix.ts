/** @file Which classes a classifier takes for which: the matrix, or with many classes a list of the most frequent confusions. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import { confusionBars } from './confusion-bars.ts'
import { picture, type Picture } from './picture.ts'
import { COLORS, el, svgDocument, textAt, type Child, type Markup } from './svg.ts'
import { shorten, textWidth, visible } from './text.ts'

/** What `confusionMatrix` takes. */
export interface ConfusionMatrixOptions {
  /** Shares of each row (what became of the photos of a class) in per cent instead of counts. Default false. */
  readonly normalized?: boolean
  /** Default "Confusion matrix" or, over 40 classes, "Most frequent confusions". */
  readonly title?: string
  /** What was measured, behind the default title: "test photos". */
  readonly subject?: string
}

/** How the picture is divided; all in pixels. */
interface Layout {
  readonly cell: number
  readonly font: number
  /** Width of the longest label, at most `longestLabel`. */
  readonly labels: number
  readonly left: number
  readonly top: number
  readonly isTurned: boolean
}

const mostClasses = 40
const longestLabel = 180
const margin = 16

/**
 * Rows are the true classes, columns the predicted ones: `confusion[i][j]` photos of class i were taken for class j.
 * Over 40 classes, the most frequent confusions as bars. Throws SHAPE unless there is one row and one column for each class name.
 */
export function confusionMatrix(
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
  options: ConfusionMatrixOptions = {},
): Picture {
  refuseUnknown('confusionMatrix', options, { normalized: true, title: true, subject: true })
  const count = classNames.length
  if (count === 0 || confusion.length !== count || confusion.some((row) => row.length !== count)) {
    const found = `${confusion.length} rows of ${[...new Set(confusion.map(({ length }) => length))].slice(0, 3).join(' and ') || 0} counts`
    throw new RootstockError(
      'SHAPE',
      `Cannot draw the confusion matrix: found ${found}, expected ${count || 'at least one'} for each of ${count} classes`,
    )
  }
  const isList = count > mostClasses
  const kind = isList ? 'Most frequent confusions' : 'Confusion matrix'
  const { normalized = false, subject, title = subject === undefined ? kind : `${kind}, ${subject}` } = options
  if (isList) return picture(confusionBars(confusion, classNames, { normalized, title }))
  const layout = layoutOf(confusion, classNames, normalized)
  const side = count * layout.cell
  const size = { width: Math.max(layout.left + side + margin, 340), height: layout.top + side + margin }
  const children = [
    textAt([margin, margin + 9], shorten(title, size.width - 2 * margin, 16), { size: 16, bold: true }),
    textAt([margin, margin + 32], subtitle(confusion, normalized), { size: 11, fill: COLORS.faint }),
    names(classNames, layout),
    confusion.map((row, i) => rowCells(row, i, { layout, classNames, normalized, most: Math.max(1, ...confusion.flat()) })),
    el('rect', { x: layout.left, y: layout.top, width: side, height: side, fill: 'none', stroke: COLORS.axis }),
  ]
  return picture(svgDocument(size, title, children))
}

function layoutOf(confusion: readonly (readonly number[])[], classNames: readonly string[], normalized: boolean): Layout {
  const count = classNames.length
  const cell = Math.max(24, Math.min(72, Math.floor(760 / count)))
  const longest = normalized ? '100' : String(Math.max(0, ...confusion.flat()))
  const font = Math.max(6, Math.min(15, Math.floor((cell - 6) / textWidth(longest, 1))))
  const labels = Math.min(longestLabel, Math.max(...classNames.map((name) => textWidth(visible(name), labelSize(cell)))))
  const isTurned = labels > cell - 6
  return { cell, font, labels, left: margin + 20 + labels + 8, top: margin + 44 + 18 + (isTurned ? labels + 8 : 14) + 8, isTurned }
}

function labelSize(cell: number): number {
  return cell >= 30 ? 12 : 11
}

function subtitle(confusion: readonly (readonly number[])[], normalized: boolean): string {
  const all = confusion.reduce((sum, row) => sum + total(row), 0)
  const right = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0)
  const accuracy = all === 0 ? 'no photos' : `${right} of ${all} right (${((right / all) * 100).toFixed(1)} %)`
  return normalized ? `${accuracy} · per cent of each row` : accuracy
}

/** The class names at both sides and what the sides mean. */
function names(classNames: readonly string[], { cell, labels, left, top, isTurned }: Layout): Child {
  const size = labelSize(cell)
  const middle = (classNames.length * cell) / 2
  return [
    textAt([left + middle, margin + 54], 'predicted', { size: 11, anchor: 'middle', fill: COLORS.faint }),
    textAt([margin + 6, top + middle], 'true', { size: 11, anchor: 'middle', fill: COLORS.faint, turn: -90 }),
    classNames.map((name, i) => {
      const label = shorten(name, labels + 1, size)
      const at = (i + 0.5) * cell
      return [
        textAt([left - 7, top + at], label, { size, anchor: 'end' }),
        isTurned
          ? textAt([left + at, top - 7], label, { size, turn: -90 })
          : textAt([left + at, top - 12], label, { size, anchor: 'middle' }),
      ]
    }),
  ]
}

interface CellContext {
  readonly layout: Layout
  readonly classNames: readonly string[]
  readonly normalized: boolean
  /** The greatest count. */
  readonly most: number
}

function rowCells(row: readonly number[], i: number, { layout, classNames, normalized, most }: CellContext): Child {
  const { cell, font, left, top } = layout
  const all = total(row)
  return row.map((count, j) => {
    const share = all === 0 ? 0 : count / all
    const strength = normalized ? share : count / most
    const x = left + j * cell
    const y = top + i * cell
    const label = normalized ? String(Math.round(share * 100)) : String(count)
    const hover = `${classNames[i] ?? ''} → ${classNames[j] ?? ''}: ${count} (${(share * 100).toFixed(1)} %)`
    return el(
      'g',
      {},
      el('title', {}, hover),
      el('rect', { x, y, width: cell, height: cell, fill: shade(strength, i === j), stroke: COLORS.grid }),
      count === 0 ? undefined : cellLabel([x + cell / 2, y + cell / 2], label, { font, isDark: strength > 0.55 }),
    )
  })
}

function cellLabel(
  at: readonly [number, number],
  label: string,
  { font, isDark }: { readonly font: number; readonly isDark: boolean },
): Markup {
  return textAt(at, label, { size: font, anchor: 'middle', fill: isDark ? COLORS.background : COLORS.text })
}

/** White to blue for what is right, white to vermilion for what is wrong; the root keeps rare confusions visible. */
function shade(strength: number, isRight: boolean): string {
  if (strength === 0) return COLORS.background
  const [red, green, blue] = isRight ? [0, 90, 156] : [196, 78, 0]
  const amount = 0.08 + 0.92 * (isRight ? strength : Math.sqrt(strength))
  const mix = (channel: number): string =>
    Math.round(255 + (channel - 255) * amount)
      .toString(16)
      .padStart(2, '0')
  return `#${mix(red)}${mix(green)}${mix(blue)}`
}

function total(row: readonly number[]): number {
  return row.reduce((sum, count) => sum + count, 0)
}
