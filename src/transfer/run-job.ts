/** @file What a training works on: its input, read before anything is written, and the run that it opens. */
import { RootstockError } from '../errors.ts'
import { refuseWeightsTypo } from '../applications/index.ts'
import type { Split } from '../data/index.ts'
import type { PreprocessMode } from '../image/index.ts'
import { setRandomSeed } from '../layers/index.ts'
import type { Model, TrainingEvent } from '../training/index.ts'
import type { PhotoReading } from './classifier.ts'
import { buildClassifierModel, checkedSpec, type ClassifierSpec } from './classifier-model.ts'
import { keptSettings } from './kept-settings.ts'
import type { TrainClassifierOptions } from './options.ts'
import { checkLayerDecay, checkMix, stagesFor } from './recipe.ts'
import { openRunLog, type RunLog } from './report/run-log.ts'
import { rememberPhotos, removeUnbegun, resumedRun, type ResumedRun } from './resume.ts'
import { readRunSettings, writeRunSettings, type RunSettings } from './run-folder.ts'
import { splitPhotos } from './split-photos.ts'
import { settleWeights, tellNotice, type SettledOptions } from './settle-weights.ts'
import { onceEach, warnOfInput } from './sanity.ts'
import { Stopwatch } from './stopwatch.ts'
import { downloadEvents } from './work-progress.ts'
import { version } from './version.ts'

/** What a training was asked for, checked: settings that agree, photos in three parts, weights that can be had. */
export interface JobInput extends SettledOptions {
  readonly folder: string
  readonly split: Split
  readonly watch: Stopwatch
}

/** A training under way. */
export interface Job {
  readonly folder: string
  readonly options: TrainClassifierOptions
  readonly spec: ClassifierSpec
  readonly split: Split
  readonly net: Model
  readonly base: Model
  readonly reading: PhotoReading
  readonly run: string
  readonly resumed: ResumedRun | undefined
  readonly watch: Stopwatch
  readonly log: RunLog
  readonly emit: (event: TrainingEvent) => void
}

/** The run's folder, and whether a run in it goes on. */
export interface Place {
  readonly run: string
  readonly resume: boolean
}

/** Reads what the training needs and writes nothing, so that a refusal leaves no folder behind. Codes USAGE, DATA, FILE, NETWORK, WEIGHTS. */
export async function readJobInput({ resume }: Place, folder: string, given: TrainClassifierOptions): Promise<JobInput> {
  if (given.weights !== undefined) refuseWeightsTypo(given.weights, ['imagenet', 'embedded', 'none'])
  // Settings that contradict each other are told before any photo is read, and photos that cannot be used before anything is fetched.
  const stages = stagesFor(checkedSpec(given).network, given, 1)
  checkMix(stages, given.mix)
  if (!resume) checkLayerDecay(stages, given.layerDecay)
  const watch = new Stopwatch()
  const split = await splitPhotos(folder, given, given.onEvent)
  return { folder, split, watch, ...(resume ? { options: given } : await settleWeights(given)) }
}

/** Builds the network and begins the run's files, or those of its going on, which `takeBack` can take back when training fails. */
export async function openJob(
  { run, resume }: Place,
  { folder, split, watch, options, notice }: JobInput,
): Promise<{ job: Job; takeBack: (error: unknown) => Promise<void> }> {
  const spec = { ...checkedSpec(options), classes: split.classNames }
  setRandomSeed(options.seed ?? 0)
  const weights = options.weights === 'none' ? null : (options.weights ?? 'imagenet')
  const { net, base } = await buildClassifierModel(spec, weights, { signal: options.signal, onProgress: downloadEvents(options.onEvent) })
  if (options.unfreezeFrom !== undefined && options.unfreezeFrom !== 'all') base.getLayer(options.unfreezeFrom)
  const resumed = resume ? await resumedRun(run, { spec, split }) : undefined
  const reading = {
    size: spec.size,
    preprocessing: (net.preprocessing ?? 'none') as PreprocessMode,
    interpolation: 'bilinear',
    exif: 'apply',
  } as const
  const { log, emit } = listeners(run, watch, options)
  tellNotice(notice, options, emit)
  for (const message of split.notes) emit({ type: 'message', message, by: 'data' })
  if (!resumed) warnOfInput({ base, net, split, sanity: options.sanity }, emit)
  for (const { path, reason } of split.unusable) emit({ type: 'unusable', split: 'train', path, reason })
  const job = { folder, options, spec, split, net, base, reading, run, resumed, watch, log, emit }
  const before = resumed && (await readRunSettings(run))
  const takeBack = async (error: unknown): Promise<void> => {
    // The checkpoint says more than run.json: what it refuses must not have changed the run.
    if (before && error instanceof RootstockError && error.code === 'USAGE') await writeRunSettings(run, before)
    // A run that was stopped goes on; one that failed before anything was kept leaves the folder to the next start.
    if (!before && !(error instanceof RootstockError && error.code === 'CANCELED')) await removeUnbegun(run)
  }
  await writeRunSettings(run, settingsOf(job))
  await rememberPhotos(run, split)
  return { job, takeBack }
}

/** Clock, log and the user's listener hear the same events. */
function listeners(run: string, watch: Stopwatch, { onEvent }: TrainClassifierOptions): Pick<Job, 'log' | 'emit'> {
  const log = openRunLog(run, (reason) => onEvent?.({ type: 'warning', message: `Going on without log.txt: ${reason}`, by: 'report' }))
  // A run has stages, and a finding of one is the same in the next.
  const emit = onceEach((event) => {
    watch.see(event)
    log.see(event)
    if (onEvent) onEvent(event)
    else if (event.type === 'warning' && event.id !== undefined) process.emitWarning(event.message, 'RootstockWarning', event.id)
  })
  return { log, emit }
}

/** What run.json says of a run that has just begun. */
export function settingsOf({ options, spec, reading, resumed }: Pick<Job, 'options' | 'spec' | 'reading' | 'resumed'>): RunSettings {
  return {
    format: 1,
    rootstock: version,
    created: resumed?.created ?? new Date().toISOString(),
    ...spec,
    classes: [...spec.classes],
    interpolation: reading.interpolation,
    exif: reading.exif,
    settings: keptSettings(options),
  }
}
