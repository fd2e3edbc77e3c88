/** @file The command with which an interrupted training goes on. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { oneLine } from './one-line.ts'

/** A training that was stopped. */
export interface StoppedTraining {
  readonly folder: string
  /** The run's folder. */
  readonly run: string
  /** The words of the command line; given where the run's own settings do not say everything. */
  readonly argv?: readonly string[] | undefined
}

/** "rootstock train photos --out runs/pets --resume", for a POSIX shell. */
export function goOnCommand({ folder, run, argv }: StoppedTraining): string {
  if (!argv) return ['rootstock', 'train', folder, '--out', run, '--resume'].map(shellWord).join(' ')
  const has = (flag: string): boolean => argv.some((word) => word === flag || word.startsWith(`${flag}=`))
  const more = [...(has('--out') ? [] : ['--out', run]), ...(has('--resume') ? [] : ['--resume'])]
  return ['rootstock', ...argv, ...more].map(shellWord).join(' ')
}

/** What was thrown, with the very command to go on with where the run has begun. */
export function sayHowToGoOn(error: unknown, stopped: StoppedTraining): unknown {
  if (!(error instanceof RootstockError) || error.code !== 'CANCELED') return error
  const hint = existsSync(join(stopped.run, 'run.json'))
    ? `Go on with: ${goOnCommand(stopped)}`
    : 'Nothing was kept yet; give the same command again'
  return new RootstockError('CANCELED', error.message, { hint, cause: error })
}

/** A word as a POSIX shell reads it; what steers a terminal is made visible. */
export function shellWord(word: string): string {
  const text = oneLine(word)
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
