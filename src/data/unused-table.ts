/** @file A table of labels that cannot be used is named where the folder is refused without it. */
import { messageOf, RootstockError } from '../errors.ts'

/** The refusal of a folder, with what is wrong with the table that lies there: with the table the folder might have been good. */
export function refusedWithoutTable(error: unknown, note: string | undefined): unknown {
  if (note === undefined || !(error instanceof RootstockError) || error.code !== 'DATA') return error
  const message = `${messageOf(error)}; ${note.charAt(0).toLowerCase()}${note.slice(1)}`
  const hint = error.hint === undefined ? 'Correct the table' : `Correct the table, or do without it: ${error.hint}`
  return new RootstockError('DATA', message, { hint, cause: error })
}
