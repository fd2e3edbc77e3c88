/** @file Temporary files that killed runs left where callbacks save. */
import { sweepTemporaries } from '../../files/index.ts'

/** A writer that lives touches its file more often than this. */
const UNTOUCHED_MS = 60_000

/** A function that removes what killed runs left in a folder, the first time that it is called with it; a failure costs nothing. */
export function leftoverSweeper(): (folder: string) => void {
  const swept = new Set<string>()
  return (folder) => {
    if (swept.has(folder)) return
    swept.add(folder)
    try {
      sweepTemporaries(folder, { untouchedMs: UNTOUCHED_MS })
    } catch {
      // What is left takes space and nothing else.
    }
  }
}
