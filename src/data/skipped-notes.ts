/** @file What a scan left out, in lines for people. */
import { counted } from './names.ts'
import { OF_COPIES, OF_RUNS } from './run-folders.ts'
import type { Skipped } from './scan.ts'

/** What a row of a table is left out for ends with its place. */
const OF_ROWS = /, line \d+ of "/

/** Runs, prepared copies and rows of tables have lines of their own: among other files, which lie in every folder, nobody would notice them. */
export function skippedNotes(skipped: readonly Skipped[]): string[] {
  const runs = skipped.filter(({ reason }) => reason === OF_RUNS)
  const rows = skipped.filter(({ reason }) => OF_ROWS.test(reason))
  const copies = skipped.filter(({ reason }) => reason === OF_COPIES)
  const others = skipped.filter(({ reason }) => reason !== OF_RUNS && reason !== OF_COPIES && !OF_ROWS.test(reason))
  const [run, copy, row, other] = [runs[0], copies[0], rows[0], others[0]]
  return [
    ...(run ? [`Left out: ${counted(runs.length, 'folder')} of runs, no photos; the first is "${run.path}"`] : []),
    ...(copy
      ? [`Left out: ${counted(copies.length, 'folder')} of prepared copies of the classes beside; the first is "${copy.path}"`]
      : []),
    ...(row ? [`Not used: ${counted(rows.length, 'row')} of the table; the first is "${row.path}", ${row.reason}`] : []),
    ...(other ? [`Skipped: ${counted(others.length, 'other file')}; the first is "${other.path}", ${other.reason}`] : []),
  ]
}
