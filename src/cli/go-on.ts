/** @file The command with which an interrupted training goes on. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { oneLine } from './one-line.ts'

/** A training that was stopped. */
export interface StoppedTraining {
  readonly folder: string
  /** The run's folder, which keeps all settings. */
  readonly run: string
}

/** "rootstock train photos --out runs/pets --resume", for a POSIX shell. */
export function goOnCommand({ folder, run }: StoppedTraining): string {
  return `rootstock train ${shellPath(folder)} --out ${shellPath(run)} --resume`
}

/** What was thrown, with the very command to go on with where the run has begun. */
export function sayHowToGoOn(error: unknown, stopped: StoppedTraining): unknown {
  if (!(error instanceof RootstockError) || error.code !== 'CANCELED') return error
  const hint = existsSync(join(stopped.run, 'run.json'))
    ? `Go on with: ${goOnCommand(stopped)}`
    : 'Nothing was kept yet; give the same command again'
  return new RootstockError('CANCELED', error.message, { hint, cause: error })
}

/** A path as a word of a command: one that begins with a dash would be taken for a flag. */
export function shellPath(path: string): string {
  return shellWord(path.startsWith('-') ? `./${path}` : path)
}

/** A word as a POSIX shell reads it; what steers a terminal is made visible. */
export function shellWord(word: string): string {
  const text = oneLine(word)
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
