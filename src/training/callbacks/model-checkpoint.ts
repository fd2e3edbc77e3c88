/** @file modelCheckpoint: saves the model or its weights after every epoch or every so many batches. */
import { dirname } from 'node:path'
import { z } from 'zod'
import { messageOf, RootstockError, refuseUnknown } from '../../errors.ts'
import { makeFolder } from '../../files/index.ts'
import { checksFor } from '../arguments.ts'
import type { Callback, TrainingControl } from '../callback.ts'
import type { Logs } from '../events.ts'
import { makeMonitor } from './monitor.ts'
import type { Monitor, MonitorMode } from './monitor.ts'
import { pathTemplate } from './path-template.ts'
import type { PathTemplate } from './path-template.ts'
import { readState, storeBest, storedBest, storedCount } from './stored-state.ts'
import { leftoverSweeper } from './sweep-leftovers.ts'
import { warnOnce } from './warn-once.ts'

/** What `modelCheckpoint` takes. */
export interface ModelCheckpointOptions {
  /**
   * Where to save: `.weights.h5` for weights only, `.keras` or `.h5` for the whole model. May hold `{epoch:02d}` (from 1),
   * `{batch}` (from 1, when saving by batches) and any log key, such as `{val_loss:.4f}`. Folders are made.
   */
  readonly filepath: string
  /** Log key to watch; default `val_loss`. */
  readonly monitor?: string
  /** 1 also emits messages; default 0. */
  readonly verbose?: 0 | 1
  /** Save only when `monitor` improves; default false. */
  readonly saveBestOnly?: boolean
  /** Must agree with the suffix of `filepath`, which decides when this is left out. */
  readonly saveWeightsOnly?: boolean
  /** Default `auto`: the metric's own direction. */
  readonly mode?: MonitorMode
  /** After every epoch (default), or after this many batches, counted across epochs. */
  readonly saveFreq?: 'epoch' | number
  /** The value to beat before the first save, for a run that goes on where another one ended. */
  readonly initialValueThreshold?: number | null
}

const OPTIONS: Readonly<Record<keyof ModelCheckpointOptions, true>> = {
  filepath: true,
  monitor: true,
  verbose: true,
  saveBestOnly: true,
  saveWeightsOnly: true,
  mode: true,
  saveFreq: true,
  initialValueThreshold: true,
}

/** The callback and the best value it has seen, which outlives a single `fit`. */
export interface ModelCheckpoint extends Callback {
  /** The best value so far; null before the first. */
  readonly best: number | null
}

type Settings = Required<Pick<ModelCheckpointOptions, 'saveBestOnly' | 'saveWeightsOnly' | 'saveFreq'>> & {
  readonly verbose: boolean
  readonly template: PathTemplate
  readonly monitor: Monitor
}

/** A moment at which saving is possible. */
interface Occasion {
  readonly epoch: number
  readonly batch: number | undefined
  readonly logs: Logs
}

const NAME = 'modelCheckpoint'
const STORED = z.object({ best: storedBest, epoch: storedCount, batchesSeen: storedCount, lastBatch: storedCount.nullable() })

/** Saves the model as it trains; Keras's ModelCheckpoint. Throws USAGE for impossible arguments and a suffix that does not fit. */
export function modelCheckpoint(options: ModelCheckpointOptions): ModelCheckpoint {
  refuseUnknown('modelCheckpoint', options, OPTIONS)
  const settings = readSettings(options)
  const { monitor, saveFreq } = settings
  const warnings = warnOnce(NAME)
  const sweep = leftoverSweeper()
  let found: z.infer<typeof STORED> = { best: options.initialValueThreshold ?? null, epoch: 0, batchesSeen: 0, lastBatch: null }

  const save = async (occasion: Occasion, control: TrainingControl): Promise<void> => {
    const path = fillPath(settings.template, occasion)
    const reason = reasonToSave(settings, { ...occasion, path, best: found.best, warn: (text) => warnings.warn(text, control), control })
    if (reason === undefined) return
    if (settings.saveBestOnly) found.best = monitor.value(occasion.logs) ?? found.best
    sweep(dirname(path))
    await write(path, settings.saveWeightsOnly, control)
    control.emit({ type: 'checkpoint', path, reason })
    if (settings.verbose) say(`Epoch ${String(occasion.epoch + 1)}: ${reason}, saved ${path}`, control)
  }

  return {
    name: NAME,
    followsBatches: saveFreq !== 'epoch',
    get best() {
      return found.best
    },
    onTrainBegin(control) {
      warnings.reset()
      monitor.improvement(control)
    },
    onEpochBegin(epoch) {
      found.epoch = epoch
    },
    async onTrainBatchEnd(batch, logs, control) {
      if (saveFreq === 'epoch') return
      found.batchesSeen += found.lastBatch === null || batch <= found.lastBatch ? batch + 1 : batch - found.lastBatch
      found.lastBatch = batch
      if (found.batchesSeen < saveFreq) return
      found.batchesSeen = 0
      await save({ epoch: found.epoch, batch, logs }, control)
    },
    async onEpochEnd(epoch, logs, control) {
      monitor.improvement(control)
      if (saveFreq === 'epoch') await save({ epoch, batch: undefined, logs }, control)
    },
    state: () => ({ ...found, best: storeBest(found.best) }),
    restore(state) {
      found = readState(NAME, STORED, state)
    },
  }
}

function readSettings(options: ModelCheckpointOptions): Settings {
  const { filepath, monitor = 'val_loss', mode = 'auto', saveBestOnly = false, saveFreq = 'epoch', verbose = 0 } = options
  const { saveWeightsOnly = filepath.endsWith('.weights.h5'), initialValueThreshold = null } = options
  const checks = checksFor(NAME)
  const isWeights = filepath.endsWith('.weights.h5')
  checks.require(isWeights || /\.(keras|h5)$/.test(filepath), 'filepath', filepath, 'a name that ends in .weights.h5, .keras or .h5')
  const fitting = saveWeightsOnly
    ? 'a name that ends in .weights.h5, since saveWeightsOnly is true'
    : 'a .keras or .h5 file of the whole model, since saveWeightsOnly is false'
  checks.require(isWeights === saveWeightsOnly, 'filepath', filepath, fitting)
  checks.require(
    saveFreq === 'epoch' || (Number.isInteger(saveFreq) && saveFreq > 0),
    'saveFreq',
    saveFreq,
    '"epoch" or a whole number of batches above 0',
  )
  if (initialValueThreshold !== null) checks.finite('initialValueThreshold', initialValueThreshold)
  return {
    saveBestOnly,
    saveWeightsOnly,
    saveFreq,
    verbose: verbose > 0,
    template: pathTemplate(filepath),
    monitor: makeMonitor(NAME, { monitor, mode, minDelta: 0 }),
  }
}

function fillPath(template: PathTemplate, { epoch, batch, logs }: Occasion): string {
  return template.fill({ ...(batch === undefined ? {} : { batch: BigInt(batch + 1) }), ...logs, epoch: BigInt(epoch + 1) })
}

interface Judged extends Occasion {
  readonly path: string
  readonly best: number | null
  readonly control: TrainingControl
  warn(message: string): void
}

/** Why to save now; undefined when there is nothing to save. A missing figure must not cost the checkpoint, so it warns and saves. */
function reasonToSave({ saveBestOnly, monitor, verbose }: Settings, at: Judged): string | undefined {
  const value = monitor.value(at.logs)
  if (!saveBestOnly) return at.batch === undefined ? 'end of the epoch' : `batch ${String(at.batch + 1)}`
  if (value === undefined) {
    at.warn(`${monitor.key} is not in the logs, so every model is saved, not only the best`)
    return `${monitor.key} is missing`
  }
  const from = at.best === null ? 'none' : at.best.toFixed(5)
  if (monitor.improvement(at.control)(value, at.best)) return `${monitor.key} improved from ${from} to ${value.toFixed(5)}`
  if (verbose) say(`Epoch ${String(at.epoch + 1)}: ${monitor.key} did not improve from ${from}`, at.control)
  return undefined
}

async function write(path: string, weightsOnly: boolean, control: TrainingControl): Promise<void> {
  try {
    makeFolder(dirname(path))
  } catch (error) {
    throw new RootstockError('FILE', `Cannot save the checkpoint ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Choose a folder that can be written to.',
    })
  }
  await (weightsOnly ? control.model.saveWeights(path) : control.model.save(path))
}

function say(message: string, control: TrainingControl): void {
  control.emit({ type: 'message', message, by: NAME })
}
