/** @file Keeps a run's checkpoint while it trains, and takes the run up again from the last one. */
import { existsSync } from 'node:fs'
import { RootstockError } from '../../errors.ts'
import { withFolderLock, type Lock } from '../../files/index.ts'
import { callbackStates, restoreCallbacks, type CallbackState } from '../callback.ts'
import { allFinite } from '../../tensor/index.ts'
import type { CheckpointOptions, FitOptions } from '../fit-options.ts'
import type { Source } from '../source.ts'
import {
  checkpointPath,
  openCheckpoint,
  readBeginning,
  removeBeginning,
  writeBeginning,
  writeCheckpoint,
  type CheckpointFile,
} from './checkpoint-file.ts'
import type { Progress } from './progress.ts'
import { putState, takeState, type RunParts } from './run-state.ts'
import { checkSettings } from './settings.ts'

/** The checkpoints of one run. */
export interface Checkpoints {
  /** Where an interrupted run goes on; undefined for a run that begins. */
  readonly found: Progress | undefined
  /** After `onTrainBegin`: callbacks of a run that died before its first checkpoint get back what they knew; those of a new one are noted. */
  begin(): Promise<void>
  /** A run that begins takes the place of another one's checkpoint, which would be taken up instead of it. */
  replaceOther(progress: Progress): Promise<void>
  /** Puts the run into the state that was found; the second time nothing happens. */
  restore(): Promise<void>
  /** Saves after a batch, if it is time. */
  afterBatch(progress: Progress): Promise<void>
  /** Saves at the border of two epochs, if it is time or `isLast`. */
  afterEpoch(next: Progress, isLast: boolean): Promise<void>
  /** Saves in any case, unless a callback's wish to stop is still to be followed. */
  onAbort(progress: Progress): Promise<void>
}

/** The folder of a run's checkpoints, which is locked, and what lies in it. */
export interface CheckpointFolder {
  readonly options: CheckpointOptions
  readonly lock: Lock
  readonly found: CheckpointFile | undefined
  /** What callbacks knew at the beginning of a run that goes on and has no checkpoint. */
  readonly begun: readonly CallbackState[] | undefined
}

/** Saving may take this share of the time. */
const SHARE = 1 / 20

/** Runs `work` with the checkpoint folder, locked and read, or without one where none is wanted. */
export async function withCheckpointFolder<T>(
  { checkpoint, resume = false, signal, onEvent }: FitOptions,
  work: (folder: CheckpointFolder | undefined) => Promise<T>,
): Promise<T> {
  if (!checkpoint) {
    if (!resume) return work(undefined)
    throw new RootstockError('USAGE', 'Cannot resume: found no checkpoint.folder, expected the folder that the interrupted run had')
  }
  checkOptions(checkpoint)
  const { folder } = checkpoint
  const locked = async (lock: Lock): Promise<T> => {
    const found = resume ? await openCheckpoint(folder) : undefined
    return work({ options: checkpoint, lock, found, begun: resume && !found ? await readBeginning(folder) : undefined })
  }
  const onWait = (): void =>
    onEvent?.({ type: 'message', message: `Waiting for a process of another machine that trains in ${folder}`, by: 'checkpoint' })
  return withFolderLock(folder, locked, { signal, onWait })
}

/** The checkpoints of `run` in `folder`. Throws USAGE when the run found there had other settings. */
export function checkpointsOf(folder: CheckpointFolder | undefined, run: RunParts, source: Source): Checkpoints {
  if (!folder) return none
  const { options, lock, found, begun } = folder
  if (found) checkSettings(found.path, found.state.settings, run.settings)
  const pace = makePace(options.everySeconds ?? 10)
  // What a metric has gathered must be kept; where one cannot tell, only the borders of epochs will do.
  const canPause = run.compiled.metrics.every((metric) => metric.state && metric.restore)
  let isRestored = false

  const save = async (progress: Progress): Promise<void> => {
    if (!lock.isMine()) throw takenOver(options.folder)
    await pace.time(async () => {
      const { state, tensors, gradients } = takeState(run, progress, options.extra?.())
      // A run that diverges keeps its last sound checkpoint.
      if (!tensors.every(({ tensor }) => allFinite(tensor.data))) return
      await writeCheckpoint(options.folder, state, [...tensors, ...gradients])
      await removeBeginning(options.folder)
    })
  }
  const isDue = (): boolean => {
    const { everyBatches } = options
    return (everyBatches !== undefined && run.compiled.iterations % everyBatches === 0) || pace.isDue()
  }
  return {
    found: found && { ...found.state.progress },
    async begin() {
      if (found) return
      if (begun) restoreCallbacks(run.callbacks, begun)
      else await writeBeginning(options.folder, callbackStates(run.callbacks))
    },
    async replaceOther(progress) {
      if (!found && existsSync(checkpointPath(options.folder))) await save(progress)
    },
    async restore() {
      if (!found || isRestored) return
      isRestored = true
      putState(run, found)
      const { stream, batch, epoch } = found.state.progress
      await source.seek(stream + batch)
      const place = batch > 0 ? `epoch ${epoch + 1}, batch ${batch + 1}` : `epoch ${epoch + 1}`
      run.control.emit({ type: 'message', message: `Goes on with ${place} from ${options.folder}`, by: 'checkpoint' })
    },
    async afterBatch(progress) {
      if (canPause && !run.control.ended() && isDue()) await save(progress)
    },
    async afterEpoch(next, isLast) {
      if (isLast || isDue()) await save(next)
    },
    async onAbort(progress) {
      if ((canPause || progress.batch === 0) && !run.control.stopped()) await save(progress)
    },
  }
}

const none: Checkpoints = {
  found: undefined,
  begin: () => Promise.resolve(),
  replaceOther: () => Promise.resolve(),
  restore: () => Promise.resolve(),
  afterBatch: () => Promise.resolve(),
  afterEpoch: () => Promise.resolve(),
  onAbort: () => Promise.resolve(),
}

/** What `extra` gave and where the run stood at the last checkpoint of a folder; undefined where there is none. Throws FORMAT. */
export async function readCheckpoint(folder: string): Promise<
  | {
      /** The epoch under way, counted from 0. */
      epoch: number
      /** Batches done in the epoch under way. */
      batch: number
      /** Whether the run had come to its end. */
      stopped: boolean
      /** What `extra` gave when it was written. */
      extra: unknown
    }
  | undefined
> {
  const found = await openCheckpoint(folder)
  if (!found) return undefined
  const { progress, stopped, extra } = found.state
  return { epoch: progress.epoch, batch: progress.batch, stopped, extra }
}

/** When to save: not before `everySeconds` have passed, nor more often than a share of the time allows. */
function makePace(everySeconds: number) {
  let last = performance.now()
  let cost = 0
  return {
    isDue: (): boolean => performance.now() - last >= Math.max(everySeconds * 1000, cost / SHARE),
    async time(work: () => Promise<void>): Promise<void> {
      const began = performance.now()
      await work()
      last = performance.now()
      cost = last - began
    },
  }
}

function checkOptions({ folder, everySeconds = 0, everyBatches = 1 }: CheckpointOptions): void {
  const refuse = (name: string, found: unknown, expected: string): RootstockError =>
    new RootstockError('USAGE', `Invalid checkpoint.${name}: found ${String(found)}, expected ${expected}`)
  if (folder === '') throw refuse('folder', '""', 'the name of a folder')
  if (!(everySeconds >= 0)) throw refuse('everySeconds', everySeconds, 'a number of at least 0')
  if (!Number.isInteger(everyBatches) || everyBatches < 1) throw refuse('everyBatches', everyBatches, 'a whole number of at least 1')
}

function takenOver(folder: string): RootstockError {
  return new RootstockError('FILE', `Cannot save a checkpoint in ${folder}: another process has taken the folder over`, {
    hint: 'This process stood still for more than a minute; let the other one go on',
  })
}
