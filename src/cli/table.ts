/** @file Small aligned tables, and numbers as people read them. */
import { columnsOf } from './one-line.ts'

export { counted } from '../data/names.ts'

/** Rows with their columns aligned, numbers to the right. `indent` blanks stand before every row. */
export function alignColumns(rows: readonly (readonly (string | number)[])[], indent = 2): string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, columnsOf(String(cell)))))
  const isNumeric = widths.map((_, i) =>
    rows.slice(1).every((row) => typeof row[i] === 'number' || /^[\d.,% +-]*$/.test(String(row[i] ?? ''))),
  )
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const blanks = ' '.repeat((widths[i] ?? 0) - columnsOf(String(cell)))
      return isNumeric[i] ? blanks + cell : cell + blanks
    })
    return ' '.repeat(indent) + cells.join('  ').trimEnd()
  })
}

/** 0.9312 → "93.1 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** 1234.5 → "1,235". */
export function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
