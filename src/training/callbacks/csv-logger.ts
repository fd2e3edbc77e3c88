/** @file csvLogger: the figures of every epoch as a line of a CSV file. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { z } from 'zod'
import { refuseUnknown } from '../../errors.ts'
import { appendWhole, errnoOf, fileError } from '../../files/index.ts'
import { checksFor } from '../arguments.ts'
import type { Callback } from '../callback.ts'
import type { Logs } from '../events.ts'
import { formatNumber, parseFormat } from './number-format.ts'
import { readState, storedCount } from './stored-state.ts'

/** What `csvLogger` takes. */
export interface CsvLoggerOptions {
  /** One character between the cells; default a comma. */
  readonly separator?: string
  /** Go on with a file that is there, instead of starting it anew; default false. */
  readonly append?: boolean
}

const NAME = 'csvLogger'
const OPTIONS: Readonly<Record<keyof CsvLoggerOptions, true>> = { separator: true, append: true }
const STORED = z.object({ file: z.string().optional(), keys: z.array(z.string()), size: storedCount })
const plain = parseFormat('')

/**
 * Writes `filename` line by line: `epoch` (from 0), then the log keys of the first epoch in alphabetical order, `NA` where one is missing;
 * byte for byte what Keras's CSVLogger writes. A resumed run first drops the lines that came after its checkpoint. Throws FILE.
 */
export function csvLogger(filename: string, options: CsvLoggerOptions = {}): Callback {
  refuseUnknown(NAME, options, OPTIONS)
  const { separator = ',', append = false } = options
  const checks = checksFor(NAME)
  checks.require(filename !== '', 'filename', filename, 'the name of a file')
  checks.require(
    [...separator].length === 1 && !/["\r\n]/.test(separator),
    'separator',
    separator,
    'one character that is no quote and no line end',
  )
  let keys: readonly string[] | undefined
  let size = 0
  let needsHeader = true
  const write = (cells: readonly string[]): void => {
    size = appendWhole(filename, `${cells.map((cell) => quote(cell, separator)).join(separator)}\r\n`, { at: size })
  }
  return {
    name: NAME,
    onTrainBegin(control) {
      keys = undefined
      const found = append || control.resumes ? readExisting(filename) : undefined
      if (found) needsHeader = found.length === 0
      size = appendWhole(filename, '', { at: found?.length ?? 0 })
    },
    onEpochEnd(epoch, logs) {
      if (!keys) {
        keys = columnsOf(logs)
        if (needsHeader) write(['epoch', ...keys])
      }
      write([String(epoch), ...keys.map((key) => cellOf(logs[key]))])
    },
    state: () => ({ file: basename(filename), keys: keys ?? [], size }),
    restore(state) {
      const stored = readState(NAME, STORED, state)
      // The length of one file would cut another one anywhere; where the folder lies may have changed.
      if (stored.file !== undefined && stored.file !== basename(filename)) return
      size = stored.size
      if (stored.keys.length > 0) keys = stored.keys
      else needsHeader = size === 0
    },
  }
}

function readExisting(filename: string): Uint8Array | undefined {
  try {
    return readFileSync(filename)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw fileError(error, filename, { action: 'read' })
  }
}

/** Keras adds the columns of a validation that has not come yet. */
function columnsOf(logs: Logs): readonly string[] {
  const keys = Object.keys(logs).sort()
  return keys.some((key) => key.startsWith('val_')) ? keys : [...keys, ...keys.map((key) => `val_${key}`)]
}

/** Python's repr of a float. */
function cellOf(value: number | undefined): string {
  return value === undefined || plain === undefined ? 'NA' : formatNumber(value, plain)
}

/** Python's csv.QUOTE_MINIMAL. */
function quote(cell: string, separator: string): string {
  return cell.includes(separator) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
