/** @file The recipe: a folder of photos in, a classifier out. */
import { join } from 'node:path'
import { RootstockError, refuseUnknown } from '../errors.ts'
import { augment, type View } from '../image/index.ts'
import { Classifier } from './classifier.ts'
import { int8ReportOf, keepByteTrunk } from './int8.ts'
import { withRunFolder } from './new-run.ts'
import type { FineTuneOptions, TrainClassifierOptions, TrainReport } from './options.ts'
import { fineTuneNames, trainNames } from './option-names.ts'
import { augmentationSettings, mixSettings } from './report/augmentation-settings.ts'
import { answersOfPart } from './report/part-answers.ts'
import { evaluationOf, type Answer } from './report/tally.ts'
import { inRunFolder, resumedOptions, whyOver } from './resume.ts'
import { writeRunArtifact } from './run-artifact.ts'
import { hashWeights, refuseTakenFolder, runFiles, writeRunSettings } from './run-folder.ts'
import { openJob, readJobInput, settingsOf, type Job, type JobInput, type Place } from './run-job.ts'
import { refusePhotoFolder } from './run-place.ts'
import { writeRunReport } from './run-report.ts'
import { trainStages } from './run-stages.ts'

/**
 * Trains a new head on a network, keeps the best epoch, and measures it on photos held out.
 * FOLDER has one folder per class, or train/, validation/ and test/ with class folders inside.
 */
export async function trainClassifier(folder: string, given: TrainClassifierOptions = {}): Promise<Classifier> {
  refuseUnknown('trainClassifier', given, trainNames)
  return withRunFolder(given, (run) => trainInto(run, folder, given))
}

async function trainInto(run: string, folder: string, given: TrainClassifierOptions): Promise<Classifier> {
  const { resume = false, ...options } = given.resume ? await resumedOptions(run, given) : given
  const over = resume ? await whyOver(run, options) : undefined
  if (over !== undefined) {
    options.onEvent?.({ type: 'message', message: over, by: 'resume' })
    return (await import('./load-classifier.ts')).loadClassifier(run)
  }
  const place = { run, resume }
  await refuseTakenFolder(run, resume)
  await refusePhotoFolder(run, folder)
  const input = await readJobInput(place, folder, options)
  return inRunFolder(run, given, () => trainIn(place, input))
}

/**
 * `trainClassifier` with the recipe 'fine-tune': the head first, then the network's layers from `unfreezeFrom` (default its last block) up at
 * a lower rate that warms up and falls as a cosine, batch norm kept on its statistics; `epochs` of each. Codes as there.
 * @example const classifier = await fineTune('photos/', { network: 'mobilenet', layerDecay: 0.9 })
 */
export async function fineTune(folder: string, options: FineTuneOptions = {}): Promise<Classifier> {
  refuseUnknown('fineTune', options, fineTuneNames)
  return trainClassifier(folder, { ...options, recipe: 'fine-tune' })
}

async function trainIn(place: Place, input: JobInput): Promise<Classifier> {
  const { job, takeBack } = await openJob(place, input)
  const history = await trainStages(job).catch(async (error: unknown) => {
    await takeBack(error)
    throw error
  })
  const { report, answers } = await reportOf(job, history)
  await keepByteTrunk(job.run, job.net)
  const precision = report.int8 && { precision: 'int8' as const }
  const settings = { ...settingsOf(job), ...precision, weightsSha256: await hashWeights(job.run), report }
  await writeRunSettings(job.run, settings)
  const labels = job.spec.classes.map((label) => ({ label }))
  const classifier = new Classifier({ model: job.net, network: job.spec.network, labels, reading: job.reading, report })
  await writeRunArtifact(job.run, classifier, job.emit)
  await tellPeople(job, { history, report, answers })
  if (!job.options.signal?.aborted) await writeRunSettings(job.run, { ...settings, reported: true })
  return classifier
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
  const best = bestOf(losses)
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
    best: { epoch: best + 1, valLoss: history['val_loss']?.[best] ?? null, valAccuracy: history['val_accuracy']?.[best] ?? null },
    test: tested ? { accuracy: tested.accuracy, loss: tested.loss } : null,
    precision: int8 ? ('int8' as const) : ('fp32' as const),
    ...(int8 && { int8 }),
    seconds: watch.seconds(),
    imagesPerSecond: watch.imagesPerSecond(),
    unusable: watch.unusable,
  }
  return { report, answers }
}

/** The epoch of least loss, from 0. Code NAN_LOSS where no epoch ended with a number, so that there are no weights to keep. */
function bestOf(losses: readonly number[]): number {
  const found = losses.indexOf(Math.min(...losses.filter((loss) => !Number.isNaN(loss))))
  if (found >= 0) return found
  throw new RootstockError('NAN_LOSS', 'Training diverged: the loss on validation was NaN after every epoch, expected a finite number', {
    hint: 'Lower the learning rate',
  })
}

/** Pictures, tables and the model card. */
async function tellPeople(
  job: Job,
  { history, report, answers }: { history: Record<string, number[]>; report: TrainReport; answers: readonly Answer[] | undefined },
): Promise<void> {
  const { run, folder, net: model, reading, split, spec, options, log, emit } = job
  const { network, alpha, size, head } = spec
  const { seed = 0, plots, featureStore, signal, augmentation, readSize, mix, ...asked } = options
  const changes = { ...(augmentation && augmentationSettings([augmentation].flat(), readSize)), ...(mix && mixSettings(mix)) }
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
