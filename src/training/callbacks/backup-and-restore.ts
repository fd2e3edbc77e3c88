/** @file backupAndRestore: keeps the last state of a run, and goes on from there when the run was interrupted. */
import { copyFileSync, existsSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf, RootstockError, refuseUnknown } from '../../errors.ts'
import { atomicWriteSync, fileError } from '../../files/index.ts'
import { checksFor } from '../arguments.ts'
import { callbackStates, type Callback, type TrainingControl } from '../callback.ts'
import { readState, storedCount } from './stored-state.ts'
import { leftoverSweeper } from './sweep-leftovers.ts'

/** What `backupAndRestore` takes. */
export interface BackupAndRestoreOptions {
  /** A folder for this run alone. */
  readonly backupDir: string
  /** After every epoch (default), or after this many batches; then an interrupted epoch starts anew with the weights of that batch. */
  readonly saveFreq?: 'epoch' | number
  /** Keep the backup before the last one too, for when the last cannot be read; default false. */
  readonly doubleCheckpoint?: boolean
  /** Delete the backup when the run is over; default true. */
  readonly deleteCheckpoint?: boolean
}

const OPTIONS: Readonly<Record<keyof BackupAndRestoreOptions, true>> = {
  backupDir: true,
  saveFreq: true,
  doubleCheckpoint: true,
  deleteCheckpoint: true,
}

const NAME = 'backupAndRestore'
const METADATA = z.object({
  epoch: storedCount,
  batch: storedCount,
  callbacks: z.array(z.object({ name: z.string(), state: z.unknown() })).default([]),
})

/**
 * Saves weights, optimizer, epoch and the states of the other callbacks as the run goes on; the next `fit` with this folder takes them up.
 * Keras's BackupAndRestore, which keeps no states. Wherever it stands in the list, it begins before the other callbacks and ends an epoch after them. A run that an AbortSignal ends keeps its backup. Throws FILE.
 */
export function backupAndRestore(options: BackupAndRestoreOptions): Callback {
  refuseUnknown('backupAndRestore', options, OPTIONS)
  const { backupDir, saveFreq = 'epoch', doubleCheckpoint = false, deleteCheckpoint = true } = options
  const checks = checksFor(NAME)
  checks.require(backupDir !== '', 'backupDir', backupDir, 'the name of a folder')
  const isCount = typeof saveFreq === 'number' && Number.isInteger(saveFreq) && saveFreq > 0
  checks.require(saveFreq === 'epoch' || isCount, 'saveFreq', saveFreq, '"epoch" or a whole number of batches above 0')
  const files = filesIn(backupDir)
  const sweep = leftoverSweeper()
  let at = { epoch: 0, batch: 0 }
  let unsaved = 0

  return {
    name: NAME,
    surrounds: true,
    followsBatches: saveFreq !== 'epoch',
    async onTrainBegin(control) {
      unsaved = 0
      sweep(backupDir)
      await restoreRun(files, control)
    },
    onEpochBegin(epoch) {
      at = { epoch, batch: 0 }
    },
    async onTrainBatchEnd(batch, _logs, control) {
      if (saveFreq === 'epoch') return
      at = { ...at, batch }
      if (++unsaved < saveFreq) return
      unsaved = 0
      await save(files, { at, doubleCheckpoint }, control)
    },
    async onEpochEnd(epoch, _logs, control) {
      if (saveFreq !== 'epoch') return
      at = { epoch: epoch + 1, batch: 0 }
      await save(files, { at, doubleCheckpoint }, control)
    },
    onTrainEnd(_logs, control) {
      if (deleteCheckpoint && !control.aborted()) removeBackup(backupDir, files)
    },
  }
}

/** Where a run goes on: both count from 0. */
interface Position {
  readonly epoch: number
  readonly batch: number
}

interface Files {
  readonly weights: string
  readonly metadata: string
}

/** Keras's names. */
function filesIn(folder: string): Files {
  return { weights: join(folder, 'latest.weights.h5'), metadata: join(folder, 'training_metadata.json') }
}

async function save(
  files: Files,
  { at, doubleCheckpoint }: { at: Position; doubleCheckpoint: boolean },
  control: TrainingControl,
): Promise<void> {
  if (doubleCheckpoint) for (const file of [files.weights, files.metadata]) if (existsSync(file)) copyFileSync(file, `${file}.bkp`)
  // A run goes on with training's own weights, whatever a callback has put into the model.
  const averages = control.model.averages?.inModel === true ? control.model.averages : undefined
  averages?.swap()
  try {
    await control.model.saveWeights(files.weights)
  } finally {
    averages?.swap()
  }
  writeMetadata(files, at, control)
}

function writeMetadata(files: Files, at: Position, control: TrainingControl): void {
  const states = callbackStates(control.callbacks.filter((callback) => callback.name !== NAME))
  const callbacks = states.map(({ name, state }) => ({ name, state }))
  atomicWriteSync(files.metadata, JSON.stringify({ ...at, callbacks }))
}

async function restoreRun(files: Files, control: TrainingControl): Promise<void> {
  if (!existsSync(files.weights)) return
  try {
    await restoreFrom(files, control)
  } catch (error) {
    const before = { weights: `${files.weights}.bkp`, metadata: `${files.metadata}.bkp` }
    if (!existsSync(before.weights)) throw error
    // The readers look at the ending of a name.
    copyFileSync(before.weights, files.weights)
    if (existsSync(before.metadata)) copyFileSync(before.metadata, files.metadata)
    control.emit({
      type: 'warning',
      message: `The last backup cannot be read, so the one before it is used: ${messageOf(error)}`,
      by: NAME,
    })
    await restoreFrom(files, control)
  }
}

async function restoreFrom(files: Files, control: TrainingControl): Promise<void> {
  const metadata = existsSync(files.metadata) ? readState(NAME, METADATA, readJson(files.metadata)) : undefined
  await control.model.loadWeights(files.weights)
  if (!metadata) return
  control.resumeAt(
    metadata.epoch,
    metadata.callbacks.map(({ name, state }) => ({ name, state })),
  )
  control.emit({ type: 'message', message: `Goes on with epoch ${String(metadata.epoch + 1)} from ${files.weights}`, by: NAME })
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileError(error, path, { action: 'read' })
    throw new RootstockError('FORMAT', `Cannot read ${path}: ${messageOf(error)}, expected JSON`, { cause: error })
  }
}

/** Only what this callback wrote: the folder may turn out to hold other things. */
function removeBackup(folder: string, { weights, metadata }: Files): void {
  for (const file of [weights, metadata]) for (const name of [file, `${file}.bkp`]) rmSync(name, { force: true })
  try {
    rmdirSync(folder)
  } catch {
    // It is not empty, or was never made.
  }
}
