/** @file Reads tables about photos: CSV (RFC 4180; commas, semicolons or tabs) and JSON lines, with the columns found by their names. */
import { extname } from 'node:path'
import { CsvError, parse } from 'csv-parse/sync'
import { messageOf, RootstockError } from '../errors.ts'
import { readPictureFile } from './bytes.ts'
import { counted, printableName } from './names.ts'

/** What a table says of one photo. */
export interface TableRow {
  /** Counted from 1, the header included. */
  readonly line: number
  readonly file: string
  /** The label or group; empty where the row has none. */
  readonly value: string
}

/** A table of photos. */
export interface PhotoTable {
  readonly path: string
  readonly kind: 'csv' | 'jsonl'
  readonly rows: readonly TableRow[]
}

/** What the column beside the file names holds. */
export type TableColumn = 'label' | 'group'

const KINDS: ReadonlyMap<string, PhotoTable['kind']> = new Map([
  ['.csv', 'csv'],
  ['.tsv', 'csv'],
  ['.jsonl', 'jsonl'],
  ['.ndjson', 'jsonl'],
])
const FILE_COLUMNS = [
  'file',
  'file_name',
  'filename',
  'path',
  'filepath',
  'file_path',
  'image',
  'image_path',
  'image_name',
  'img',
  'photo',
  'picture',
  'id',
  'image_id',
]
const VALUE_COLUMNS: Readonly<Record<TableColumn, readonly string[]>> = {
  label: ['label', 'class', 'class_name', 'category', 'target', 'y'],
  group: [
    'group',
    'group_id',
    'patient',
    'patient_id',
    'subject',
    'subject_id',
    'animal',
    'animal_id',
    'individual',
    'camera',
    'camera_id',
    'session',
  ],
}

/** Whether a file is a table by its extension: .csv, .tsv, .jsonl or .ndjson. */
export function isTableName(path: string): boolean {
  return KINDS.has(extname(path).toLowerCase())
}

/** The rows of a table; code DATA where it cannot be read, or has no column of files or of what is wanted. */
export async function readTable(path: string, wanted: TableColumn): Promise<PhotoTable> {
  const kind = KINDS.get(extname(path).toLowerCase())
  if (!kind) throw unusableTable(path, 'expected a name that ends in .csv, .tsv, .jsonl or .ndjson')
  const text = await textOfFile(path)
  return { path, kind, rows: kind === 'csv' ? csvRows(path, text, wanted) : jsonRows(path, text, wanted) }
}

async function textOfFile(path: string): Promise<string> {
  const bytes = await readPictureFile(Buffer.from(path)).catch((error: unknown) => {
    throw new RootstockError('DATA', messageOf(error), { cause: error })
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw unusableTable(path, 'it is not UTF-8 text', error)
  }
}

function csvRows(path: string, text: string, wanted: TableColumn): TableRow[] {
  const records = parseCsv(path, text)
  const [first] = records
  if (!first) throw unusableTable(path, 'it is empty')
  const header = first.cells.map((cell) => cell.trim().toLowerCase())
  const places = columnPlaces(header, wanted)
  // Without a header the first row is a photo already: its first cell has an extension, as in cat.0.jpg.
  const isHeaderless = places === undefined && first.cells.length === 2 && /\.\w{2,5}$/.test(first.cells[0] ?? '')
  if (!places && !isHeaderless) throw noColumns(path, first.cells, wanted)
  const { file, value } = places ?? { file: 0, value: 1 }
  return records
    .slice(isHeaderless ? 0 : 1)
    .map(({ line, cells }) => ({ line, file: (cells[file] ?? '').trim(), value: (cells[value] ?? '').trim() }))
}

interface CsvRecord {
  readonly line: number
  readonly cells: readonly string[]
}

function parseCsv(path: string, text: string): CsvRecord[] {
  try {
    const found: CsvRecord[] = []
    parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      skip_empty_lines: true,
      max_record_size: 1_000_000,
      on_record: (cells: string[], { lines }) => void found.push({ line: lines, cells }),
    })
    return found
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw unusableTable(path, printableName(error.message.replace(/\.$/, '')), error)
  }
}

/** The separator that the first line has most of; a comma where it has none. */
function delimiterOf(text: string): string {
  const line = /^[^\r\n]*/.exec(text)?.[0] ?? ''
  const counts = [',', ';', '\t'].map((mark) => ({ mark, count: line.split(mark).length }))
  return counts.sort((a, b) => b.count - a.count)[0]?.mark ?? ','
}

/** The places of the two columns; of two columns the one that is not the files' may have any name. */
function columnPlaces(header: readonly string[], wanted: TableColumn): { file: number; value: number } | undefined {
  const place = (names: readonly string[]): number => header.findIndex((cell) => names.includes(cell))
  const file = FILE_COLUMNS.map((name) => header.indexOf(name)).find((at) => at >= 0) ?? -1
  const named = place(VALUE_COLUMNS[wanted])
  const value = named < 0 && header.length === 2 ? 1 - file : named
  return file >= 0 && value >= 0 && value !== file ? { file, value } : undefined
}

function jsonRows(path: string, text: string, wanted: TableColumn): TableRow[] {
  const rows: TableRow[] = []
  for (const [index, content] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    if (content.trim() === '') continue
    const entries = Object.entries(jsonObject(path, content, index + 1))
    const names = entries.map(([name]) => name.toLowerCase())
    const places = columnPlaces(names, wanted)
    if (!places) throw noColumns(path, names, wanted, index + 1)
    const [file, value] = [places.file, places.value].map((at) => cellText(entries[at]?.[1]))
    if (file === undefined || value === undefined) throw unusableTable(path, `line ${index + 1} has a value that is not a text or number`)
    rows.push({ line: index + 1, file, value })
  }
  if (rows.length === 0) throw unusableTable(path, 'it is empty')
  return rows
}

function jsonObject(path: string, content: string, line: number): object {
  try {
    const value: unknown = JSON.parse(content)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (error) {
    throw unusableTable(path, `line ${line} is not JSON`, error)
  }
  throw unusableTable(path, `line ${line} is not a JSON object`)
}

function cellText(value: unknown): string | undefined {
  if (value === null) return ''
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).trim() : undefined
}

function noColumns(path: string, found: readonly string[], wanted: TableColumn, line = 1): RootstockError {
  const columns = found.slice(0, 8).map((name) => `"${printableName(name.slice(0, 40))}"`)
  const error = `line ${line} has ${counted(found.length, 'column')} (${columns.join(', ')}), expected "file" and "${wanted}"`
  return unusableTable(path, error)
}

function unusableTable(path: string, reason: string, cause?: unknown): RootstockError {
  return new RootstockError('DATA', `Cannot use the table "${printableName(path)}": ${reason}`, {
    hint: 'A table has one row per photo, such as a CSV file with the first line file,label and then cat/1.jpg,cat',
    cause,
  })
}
