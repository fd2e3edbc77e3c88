/** @file The recipe: a folder of photos in, a classifier out. */
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { networkOf } from '../applications/index.ts'
import { openHashCache, splitOf, type Split } from '../data/index.ts'
import { augment, type PreprocessMode, type View } from '../image/index.ts'
import { setRandomSeed, clearSession } from '../layers/index.ts'
import { callbacks, optimizers, type Callback, type History, type Logs, type Model, type TrainingEvent } from '../training/index.ts'
import { Classifier, type PhotoReading } from './classifier.ts'
import { buildClassifierModel, checkedSpec, freezeUpTo, type ClassifierSpec } from './classifier-model.ts'
import type { TrainClassifierOptions, TrainReport } from './options.ts'
import { ratesByDepth, stagesFor, type Stage } from './recipe.ts'
import { int8ReportOf, keepByteTrunk } from './int8.ts'
import { pick } from './pick.ts'
import { augmentationSettings } from './report/augmentation-settings.ts'
import { answersOfPart } from './report/part-answers.ts'
import { openRunLog, type RunLog } from './report/run-log.ts'
import { evaluationOf, type Answer } from './report/tally.ts'
import { writeRunArtifact } from './run-artifact.ts'
import { writeRunReport } from './run-report.ts'
import { settleWeights, tellNotice, warnOfPreprocessing, type SettledOptions } from './settle-weights.ts'
import { Stopwatch } from './stopwatch.ts'
import { finishedReport, inRunFolder, rememberPhotos, resumedOptions, resumedRun, stageCheckpoint, type ResumedRun } from './resume.ts'
import { runFiles, writeHistory, writeRunSettings, type RunSettings } from './run-folder.ts'
import { version } from './version.ts'

interface Job {
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
interface Place {
  readonly run: string
  readonly resume: boolean
}

/**
 * Trains a new head on a network, keeps the best epoch, and measures it on photos held out.
 * FOLDER has one folder per class, or train/, validation/ and test/ with class folders inside.
 */
export async function trainClassifier(folder: string, given: TrainClassifierOptions = {}): Promise<Classifier> {
  const run = runFolderOf(given)
  const { resume = false, ...options } = given.resume ? await resumedOptions(run, given) : given
  if (resume && (await finishedReport(run, options))) {
    options.onEvent?.({ type: 'message', message: `The run in ${run} is over; raise epochs to go on`, by: 'resume' })
    return (await import('./load-classifier.ts')).loadClassifier(run)
  }
  return inRunFolder(run, given, () => trainIn({ run, resume }, folder, options))
}

async function trainIn(place: Place, folder: string, options: TrainClassifierOptions): Promise<Classifier> {
  const job = await openJob(place, folder, options)
  const history = await trainStages(job)
  const { report, answers } = await reportOf(job, history)
  await keepByteTrunk(job.run, job.net)
  await writeRunSettings(job.run, { ...settingsOf(job), ...(report.int8 && { precision: 'int8' as const }), report })
  const labels = job.spec.classes.map((label) => ({ label }))
  const classifier = new Classifier({ model: job.net, network: job.spec.network, labels, reading: job.reading, report })
  await writeRunArtifact(job.run, classifier, job.emit)
  await tellPeople(job, { history, report, answers })
  return classifier
}

async function openJob({ run, resume }: Place, folder: string, given: TrainClassifierOptions): Promise<Job> {
  // Settings that contradict each other are told before any photo is read, and photos that cannot be used before anything is fetched.
  stagesFor(checkedSpec(given).network, given, 1)
  const seed = given.seed ?? 0
  const watch = new Stopwatch()
  const split = await splitPhotos(folder, given)
  const { options, notice }: SettledOptions = resume ? { options: given } : await settleWeights(given)
  const spec = { ...checkedSpec(options), classes: split.classNames }
  clearSession()
  setRandomSeed(seed)
  const weights = options.weights === 'none' ? null : (options.weights ?? 'imagenet')
  const { net, base } = await buildClassifierModel(spec, weights)
  if (options.unfreezeFrom !== undefined && options.unfreezeFrom !== 'all') base.getLayer(options.unfreezeFrom)
  const resumed = resume ? await resumedRun(run, { spec, split }) : undefined
  const reading = {
    size: spec.size,
    preprocessing: (net.preprocessing ?? 'none') as PreprocessMode,
    interpolation: 'bilinear',
    exif: 'apply',
  } as const
  const log = openRunLog(run, (reason) =>
    options.onEvent?.({ type: 'warning', message: `Going on without log.txt: ${reason}`, by: 'report' }),
  )
  const emit = (event: TrainingEvent): void => {
    watch.see(event)
    log.see(event)
    options.onEvent?.(event)
  }
  tellNotice(notice, options, emit)
  warnOfPreprocessing(base, net, emit)
  for (const message of split.notes) emit({ type: 'message', message, by: 'data' })
  for (const { path, reason } of split.unusable) emit({ type: 'unusable', split: 'train', path, reason })
  const job = { folder, options, spec, split, net, base, reading, run, resumed, watch, log, emit }
  await writeRunSettings(run, settingsOf(job))
  await rememberPhotos(run, split)
  return job
}

/** The photos in three parts; what they look like is remembered, so that each is decoded for it once. */
async function splitPhotos(folder: string, options: TrainClassifierOptions): Promise<Split> {
  const { seed = 0, labelsFrom } = options
  const given = pick(options, ['validation', 'test', 'signal', 'duplicates', 'leaks', 'groups', 'groupPattern'])
  const { cache, close } = await openHashCache()
  try {
    const reading = { interpolation: 'bilinear', seed, ...(labelsFrom === undefined ? {} : { labelsFrom }) } as const
    return await splitOf(folder, { ...given, seed, hashCache: cache, folder: reading })
  } finally {
    await close()
  }
}

/** All stages; the best epoch of any of them is kept. */
async function trainStages(job: Job): Promise<History['history']> {
  const { options, base, spec, split } = job
  const steps = Math.ceil(split.train.size / (options.batchSize ?? 32))
  const { stage: first = 0, before = {} } = job.resumed ?? {}
  const whole = Object.fromEntries(Object.entries(before).map(([name, values]) => [name, [...values]]))
  const checkpoint = callbacks.modelCheckpoint({ filepath: join(job.run, runFiles.best), saveBestOnly: true, ...monitorOf(job) })
  const stages = stagesFor(spec.network, options, steps)
  for (const [number, stage] of stages.entries()) {
    if (number < first) continue
    freezeUpTo(base, stage.from, options.weights !== 'none')
    const { history } = await trainStage(job, stage, { before: whole, checkpoint, number, stages: stages.length })
    for (const [name, values] of Object.entries(history)) (whole[name] ??= []).push(...values)
    if (options.signal?.aborted) break
  }
  return whole
}

async function trainStage(
  job: Job,
  stage: Stage,
  shared: { before: Record<string, number[]>; checkpoint: ReturnType<typeof callbacks.modelCheckpoint>; number: number; stages: number },
): Promise<History> {
  const { net, options, split, emit, run } = job
  const trained = net.layers.filter((layer) => layer.trainable && layer.weights.length > 0).map(({ name }) => name)
  net.compile({
    optimizer: optimizers.adam({ learningRate: stage.learningRate }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
    learningRateFactors: ratesByDepth(trained, stage.layerDecay),
  })
  const initialEpoch = shared.before['loss']?.length ?? 0
  const until = initialEpoch + (options.epochs ?? 10)
  const history = callbacks.history()
  const store = {
    name: 'historyFile',
    onEpochEnd: (_epoch: number, logs: Logs) => writeHistory(run, joined(shared.before, history.history, logs)),
  }
  return net.fit(split.train, {
    ...pick(options, ['augmentation', 'views', 'readSize', 'mix', 'featureStore', 'precision', 'classWeight', 'signal']),
    epochs: until,
    initialEpoch,
    checkpoint: stageCheckpoint(job, { stage: shared.number, stages: shared.stages, until, before: shared.before }),
    resume: shared.number === job.resumed?.stage,
    batchSize: options.batchSize ?? 32,
    seed: options.seed ?? 0,
    ...(split.validation.size > 0 ? { validationData: split.validation } : {}),
    callbacks: [shared.checkpoint, ...rateCallbacks(job, stage), store, history],
    onEvent: emit,
  })
}

/** When to stop, and when to go slower. */
function rateCallbacks(job: Job, { isReducible }: Stage): Callback[] {
  const { patience = 5, weights } = job.options
  const monitor = monitorOf(job)
  return [
    ...(patience === null ? [] : [callbacks.earlyStopping({ patience, restoreBestWeights: true, ...monitor })]),
    ...(isReducible ? [callbacks.reduceLROnPlateau({ factor: 0.3, patience: weights === 'none' ? 4 : 2, ...monitor })] : []),
  ]
}

/** Without validation photos the training loss must serve. */
const monitorOf = ({ split }: Job): { monitor: string } => ({ monitor: split.validation.size > 0 ? 'val_loss' : 'loss' })

/** Rows so far, those of this stage, and the row just finished. */
function joined(before: Record<string, number[]>, stage: Record<string, number[]>, logs: Logs): Record<string, number[]> {
  const names = new Set([...Object.keys(before), ...Object.keys(stage), ...Object.keys(logs)])
  return Object.fromEntries(
    [...names].map((name) => [name, [...(before[name] ?? []), ...(stage[name] ?? []), ...(name in logs ? [logs[name]!] : [])]]),
  )
}

async function reportOf(
  job: Job,
  history: Record<string, number[]>,
): Promise<{ report: TrainReport; answers: readonly Answer[] | undefined }> {
  const { split, net, watch, spec, run, emit } = job
  const losses = history['val_loss'] ?? history['loss'] ?? []
  if (losses.length === 0)
    throw new RootstockError('CANCELED', `Training stopped before the first epoch was over; no weights were kept in ${run} yet`, {
      hint: `Go on with the same command and --out ${run} --resume`,
    })
  const best = losses.indexOf(Math.min(...losses))
  const { loadWeightsFile } = await import('../formats/keras/index.ts')
  loadWeightsFile(net, join(run, runFiles.best))
  const { signal, featureStore } = job.options
  const isTested = split.test.size > 0 && !signal?.aborted
  const answers = isTested ? await answersOfPart(net, split.test, { part: 'test', featureStore, onEvent: emit }) : undefined
  const tested = answers && evaluationOf(spec.classes, answers)
  const int8 = await int8ReportOf(net, split.validation.size > 0 ? split.validation : split.test, { featureStore, onEvent: emit })
  const report = {
    run,
    classes: spec.classes,
    network: spec.network,
    images: { train: split.train.size, validation: split.validation.size, test: split.test.size },
    epochs: losses.length,
    best: { epoch: best + 1, valLoss: losses[best]!, valAccuracy: (history['val_accuracy'] ?? history['accuracy'] ?? [])[best] ?? 0 },
    test: tested ? { accuracy: tested.accuracy, loss: tested.loss } : null,
    precision: int8 ? ('int8' as const) : ('fp32' as const),
    ...(int8 && { int8 }),
    seconds: watch.seconds(),
    imagesPerSecond: watch.imagesPerSecond(),
    unusable: watch.unusable,
  }
  return { report, answers }
}

/** Pictures, tables and the model card. */
async function tellPeople(
  job: Job,
  { history, report, answers }: { history: Record<string, number[]>; report: TrainReport; answers: readonly Answer[] | undefined },
): Promise<void> {
  const { run, folder, net: model, reading, split, spec, options, log, emit } = job
  const { network, alpha, size, head } = spec
  const { seed = 0, plots, featureStore, signal, augmentation, readSize, mix, ...asked } = options
  const changes = augmentation === undefined ? { mix } : { ...augmentationSettings([augmentation].flat(), readSize), mix }
  const defaults = { weights: 'imagenet', epochs: 10, batchSize: 32, patience: 5, seed }
  const settings = {
    network,
    ...(network === 'mobilenet' ? { alpha } : {}),
    size,
    head,
    ...defaults,
    ...asked,
    ...changes,
    plots,
    featureStore,
  }
  const shared = { run, folder, model, reading, split, settings, seed, history, report, log, emit, plots, featureStore, signal }
  await writeRunReport({ ...shared, view: viewOf(options), answers: { test: answers } })
}

/** A view as the first epoch draws it. */
function viewOf({ augmentation, readSize, seed = 0 }: TrainClassifierOptions): View | undefined {
  if (augmentation === undefined) return undefined
  return { augmentation: augment([augmentation].flat()), seed, index: 0, ...(readSize && { readSize }) }
}

function settingsOf({ options, spec, reading, resumed }: Pick<Job, 'options' | 'spec' | 'reading' | 'resumed'>): RunSettings {
  const settings = Object.fromEntries(
    Object.entries(options).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) || value === null),
  )
  return {
    format: 1,
    rootstock: version,
    created: resumed?.created ?? new Date().toISOString(),
    ...spec,
    classes: [...spec.classes],
    interpolation: reading.interpolation,
    exif: reading.exif,
    settings,
  }
}

/** Where the run lies. Code USAGE for a run to go on with that is not named. */
function runFolderOf({ out, resume, network = 'mobilenet' }: TrainClassifierOptions): string {
  if (out !== undefined) return out
  if (resume) {
    throw new RootstockError('USAGE', 'Cannot resume: found no out, expected the folder of the interrupted run', {
      hint: 'Give --out, such as --out runs/latest',
    })
  }
  return join('runs', `${networkOf(network).id}-${stamp(new Date())}`)
}

/** 20261123-214455 */
const stamp = (date: Date): string => date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
