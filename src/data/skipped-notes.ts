/** @file What a scan left out, in lines for people. */
import { counted } from './names.ts'
import { OF_RUNS } from './run-folders.ts'
import type { Skipped } from './scan.ts'

/** Runs have a line of their own: whoever keeps them among the photos wants to know that they are no class. */
export function skippedNotes(skipped: readonly Skipped[]): string[] {
  const runs = skipped.filter(({ reason }) => reason === OF_RUNS)
  const others = skipped.filter(({ reason }) => reason !== OF_RUNS)
  const [run, other] = [runs[0], others[0]]
  return [
    ...(run ? [`Left out: ${counted(runs.length, 'folder')} of runs, no photos; the first is "${run.path}"`] : []),
    ...(other ? [`Skipped: ${counted(others.length, 'other file')}; the first is "${other.path}", ${other.reason}`] : []),
  ]
}
