/** @file The recipe: a folder of photos in, a classifier out. */
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { openHashCache, splitOf, type Split } from '../data/index.ts'
import type { PreprocessMode } from '../image/index.ts'
import { setRandomSeed, clearSession } from '../layers/index.ts'
import { callbacks, optimizers, type Callback, type History, type Logs, type Model, type TrainingEvent } from '../training/index.ts'
import { Classifier, type PhotoReading } from './classifier.ts'
import { buildClassifierModel, checkedSpec, freezeUpTo, type ClassifierSpec } from './classifier-model.ts'
import type { TrainClassifierOptions, TrainReport } from './options.ts'
import { ratesByDepth, stagesFor, type Stage } from './recipe.ts'
import { pick } from './pick.ts'
import { Stopwatch } from './stopwatch.ts'
import { createRunFolder, runFiles, writeHistory, writeRunSettings, type RunSettings } from './run-folder.ts'
import { version } from './version.ts'

interface Job {
  readonly options: TrainClassifierOptions
  readonly spec: ClassifierSpec
  readonly split: Split
  readonly net: Model
  readonly base: Model
  readonly reading: PhotoReading
  readonly run: string
  readonly watch: Stopwatch
  readonly emit: (event: TrainingEvent) => void
}

/**
 * Trains a new head on a network, keeps the best epoch, and measures it on photos held out.
 * FOLDER has one folder per class, or train/, validation/ and test/ with class folders inside.
 */
export async function trainClassifier(folder: string, options: TrainClassifierOptions = {}): Promise<Classifier> {
  const job = await openJob(folder, options)
  const history = await trainStages(job)
  const report = await reportOf(job, history)
  await writeRunSettings(job.run, { ...settingsOf(job), report })
  const labels = job.spec.classes.map((label) => ({ label }))
  return new Classifier({ model: job.net, network: job.spec.network, labels, reading: job.reading, report })
}

async function openJob(folder: string, options: TrainClassifierOptions): Promise<Job> {
  const chosen = checkedSpec(options)
  // Settings that contradict each other are told before any photo is read.
  stagesFor(chosen.network, options, 1)
  const seed = options.seed ?? 0
  const watch = new Stopwatch()
  const split = await splitPhotos(folder, options)
  const spec = { ...chosen, classes: split.classNames }
  clearSession()
  setRandomSeed(seed)
  const weights = options.weights === 'none' ? null : (options.weights ?? 'imagenet')
  const { net, base } = await buildClassifierModel(spec, weights)
  if (options.unfreezeFrom !== undefined && options.unfreezeFrom !== 'all') base.getLayer(options.unfreezeFrom)
  const run = options.out ?? join('runs', `${chosen.network}-${stamp(new Date())}`)
  await createRunFolder(run)
  const reading = {
    size: spec.size,
    preprocessing: (net.preprocessing ?? 'none') as PreprocessMode,
    interpolation: 'bilinear',
    exif: 'apply',
  } as const
  const emit = (event: TrainingEvent): void => {
    watch.see(event)
    options.onEvent?.(event)
  }
  for (const message of split.notes) emit({ type: 'message', message, by: 'data' })
  for (const { path, reason } of split.unusable) emit({ type: 'unusable', split: 'train', path, reason })
  const job = { options, spec, split, net, base, reading, run, watch, emit }
  await writeRunSettings(run, settingsOf(job))
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
  const whole: Record<string, number[]> = {}
  const checkpoint = callbacks.modelCheckpoint({ filepath: join(job.run, runFiles.best), saveBestOnly: true, ...monitorOf(job) })
  for (const stage of stagesFor(spec.network, options, steps)) {
    freezeUpTo(base, stage.from, options.weights !== 'none')
    const { history } = await trainStage(job, stage, { before: whole, checkpoint })
    for (const [name, values] of Object.entries(history)) (whole[name] ??= []).push(...values)
    if (options.signal?.aborted) break
  }
  return whole
}

async function trainStage(
  job: Job,
  stage: Stage,
  shared: { before: Record<string, number[]>; checkpoint: ReturnType<typeof callbacks.modelCheckpoint> },
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
  const history = callbacks.history()
  const store = {
    name: 'historyFile',
    onEpochEnd: (_epoch: number, logs: Logs) => writeHistory(run, joined(shared.before, history.history, logs)),
  }
  return net.fit(split.train, {
    ...pick(options, ['augmentation', 'views', 'readSize', 'mix', 'featureStore', 'classWeight', 'signal']),
    epochs: initialEpoch + (options.epochs ?? 10),
    initialEpoch,
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

async function reportOf(job: Job, history: Record<string, number[]>): Promise<TrainReport> {
  const { split, net, watch, spec, run, emit } = job
  const losses = history['val_loss'] ?? history['loss'] ?? []
  if (losses.length === 0)
    throw new RootstockError('CANCELED', `Training stopped before the first epoch was over; nothing was kept in ${run}`)
  const best = losses.indexOf(Math.min(...losses))
  const { loadWeightsFile } = await import('../formats/keras/index.ts')
  loadWeightsFile(net, join(run, runFiles.best))
  const tested = split.test.size > 0 && !job.options.signal?.aborted ? await net.evaluate(split.test, { onEvent: emit }) : undefined
  return {
    run,
    classes: spec.classes,
    network: spec.network,
    images: { train: split.train.size, validation: split.validation.size, test: split.test.size },
    epochs: losses.length,
    best: { epoch: best + 1, valLoss: losses[best]!, valAccuracy: (history['val_accuracy'] ?? history['accuracy'] ?? [])[best] ?? 0 },
    test: tested ? { accuracy: tested['accuracy']!, loss: tested['loss']! } : null,
    seconds: watch.seconds(),
    imagesPerSecond: watch.imagesPerSecond(),
    unusable: watch.unusable,
  }
}

function settingsOf({ options, spec, reading }: Pick<Job, 'options' | 'spec' | 'reading'>): RunSettings {
  const settings = Object.fromEntries(
    Object.entries(options).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) || value === null),
  )
  return {
    format: 1,
    rootstock: version,
    created: new Date().toISOString(),
    ...spec,
    classes: [...spec.classes],
    interpolation: reading.interpolation,
    exif: reading.exif,
    settings,
  }
}

/** 20261123-214455 */
const stamp = (date: Date): string => date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
