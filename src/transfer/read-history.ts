/** @file Reads the figures of every epoch from a CSV file: history.csv, results.csv, or what Keras's CSVLogger and ours write. */
import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import { RootstockError, messageOf } from '../errors.ts'
import { fileReason } from '../files/index.ts'
import { kerasNames } from './report/results-csv.ts'

/** A longer file is no history. */
const mostBytes = 100_000_000

/**
 * The columns by name, without `epoch`; what is missing (NA, nan, an empty cell) is NaN. Commas, semicolons and tabs part the cells.
 * The columns of results.csv, which Ultralytics writes too, get Keras's names. Code FILE where the file cannot be read, FORMAT where it has no rows of numbers under names.
 */
export async function readHistory(file: string): Promise<Record<string, number[]>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new RootstockError('FILE', `Cannot read the history ${file}: ${fileReason(error)}`, {
      cause: error,
      hint: 'Give the folder of a run, or a CSV file with a row for each epoch',
    })
  })
  if (text.length > mostBytes) throw refused(file, `${text.length} characters`)
  const [header, ...rows] = cellsOf(file, text)
  if (!header || header.length < 2) throw refused(file, header ? `the one column "${header[0]}"` : 'nothing')
  const names = kerasNames(header)
  const columns = header.flatMap((column, i) => {
    const name = names ? names.get(column) : column
    return name === undefined || name === 'epoch' || name === '' ? [] : [[name, i] as const]
  })
  return Object.fromEntries(columns.map(([name, i]) => [name, rows.map((row, line) => numberOf(row[i] ?? '', { file, name, line }))]))
}

function cellsOf(file: string, text: string): string[][] {
  const first = text.slice(0, text.search(/[\r\n]|$/))
  const delimiter = [',', ';', '\t'].find((candidate) => first.includes(candidate)) ?? ','
  try {
    return parse(text, { delimiter, bom: true, trim: true, skip_empty_lines: true })
  } catch (error) {
    throw new RootstockError('FORMAT', `Cannot read the history ${file}: ${messageOf(error)}`, { cause: error })
  }
}

function numberOf(cell: string, at: { file: string; name: string; line: number }): number {
  const word = cell.toLowerCase()
  if (['', 'na', 'nan', 'null', 'none'].includes(word)) return NaN
  if (/^[+-]?inf(inity)?$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity
  const value = Number(cell)
  if (!Number.isNaN(value)) return value
  throw refused(at.file, `"${cell.slice(0, 40)}" in row ${at.line + 1} of "${at.name.slice(0, 40)}"`)
}

function refused(file: string, found: string): RootstockError {
  return new RootstockError('FORMAT', `Cannot read the history ${file}: found ${found}, expected a row of numbers for each epoch`, {
    hint: "Give a file as Keras's CSVLogger writes it: names in the first row, numbers below",
  })
}
