/** @file A table in box-drawing characters whose cells wrap at words, laid out as the library rich does for Keras. */

/** One column. */
export interface Column {
  readonly title: string
  readonly justify: 'left' | 'right' | 'center'
  /** Characters wanted for its text; all columns shrink evenly until the table fits. */
  readonly width: number
}

/** Lines of exactly `width` characters. Columns must leave room for at least one character each. */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const widths = shrunken(columns, width - columns.length - 1)
  const rule = ([left, line, cross, right]: string): string => left + widths.map((n) => line?.repeat(n)).join(cross) + right
  const titles = columns.map(({ title }) => title)
  const body = rows.map((cells) => renderRow(cells, columns, { widths, border: '│', anchor: 'top' }))
  return [
    rule('┏━┳┓'),
    ...renderRow(titles, columns, { widths, border: '┃', anchor: 'bottom' }),
    rule('┡━╇┩'),
    ...body.flatMap((lines, i) => (i === 0 ? lines : [rule('├─┼┤'), ...lines])),
    rule('└─┴┘'),
  ]
}

/** Widths with their padding of one character on each side, reduced by equal shares of what is too much. */
function shrunken(columns: readonly Column[], available: number): number[] {
  const widths = columns.map(({ width }) => width + 2)
  let excess = widths.reduce((sum, width) => sum + width, 0) - available
  return widths.map((width, i) => {
    const share = Math.min(width, roundHalfEven(excess / (widths.length - i)))
    excess -= share
    return width - share
  })
}

interface RowStyle {
  readonly widths: readonly number[]
  readonly border: string
  /** Where cells of fewer lines than their row stand. */
  readonly anchor: 'top' | 'bottom'
}

function renderRow(cells: readonly string[], columns: readonly Column[], { widths, border, anchor }: RowStyle): string[] {
  const wrapped = columns.map((_, i) => wrap(cells[i] ?? '', inner(widths, i)))
  const height = Math.max(...wrapped.map((lines) => lines.length))
  const lineOf = (lines: readonly string[] = [], row: number): string => lines[anchor === 'top' ? row : row - height + lines.length] ?? ''
  return Array.from({ length: height }, (_, row) => {
    const parts = columns.map(({ justify }, i) => ` ${justified(lineOf(wrapped[i], row), inner(widths, i), justify)} `)
    return border + parts.join(border) + border
  })
}

function inner(widths: readonly number[], i: number): number {
  return Math.max(1, (widths[i] ?? 0) - 2)
}

/** Breaks before words that do not fit; a word longer than a line has one of its own and is cut there. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.match(/\s*\S+\s*/gu) ?? []) {
    if (line !== '' && sizeOfText(line) + sizeOfText(word.trimEnd()) > width) {
      lines.push(line)
      line = ''
    }
    line += word
  }
  return [...lines, line].map((part) => cut(part.trimEnd(), width))
}

function cut(text: string, width: number): string {
  return sizeOfText(text) > width ? `${[...text].slice(0, width - 1).join('')}…` : text
}

function justified(text: string, width: number, justify: Column['justify']): string {
  const space = Math.max(0, width - sizeOfText(text))
  const before = justify === 'left' ? 0 : justify === 'right' ? space : Math.floor(space / 2)
  return ' '.repeat(before) + text + ' '.repeat(space - before)
}

function sizeOfText(text: string): number {
  return [...text].length
}

/** Python's rounding: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  if (value - below !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}
