/** @file The command with which an interrupted training goes on. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { shellPath } from '../files/shell-word.ts'

export { shellPath, shellWord } from '../files/shell-word.ts'

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
