/** @file Makes a training run ready: data, trunk, features, validation, checkpoints; and closes it. */
import { RootstockError, unknownName } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Functional } from '../models/index.ts'
import { checkMix, viewsFor } from './augmentation.ts'
import type { Callback } from './callback.ts'
import { checkpointsOf, type CheckpointFolder, type Checkpoints } from './checkpoint/checkpoints.ts'
import { dataSettings } from './checkpoint/data-settings.ts'
import { settingsOf } from './checkpoint/settings.ts'
import type { Compiled } from './compile.ts'
import { createControl, type RunControl } from './control.ts'
import { storeWarnsOnce } from './dataset-features.ts'
import { buildEvaluator, type Evaluator } from './evaluation.ts'
import type { FitOptions, HeldOutTensors } from './fit-options.ts'
import { useByteTrunk } from './int8/byte-trunk.ts'
import { restFrozenWeights } from './resting.ts'
import { checkData, makeSource, openData, trunkFor, type FitData, type Opened, type Pair } from './run-data.ts'
import { classWeightsFor } from './sample-weights.ts'
import type { Doctor } from './sanity/doctor.ts'
import { examine, pixelsOf, startOf } from './sanity/facts.ts'
import { knowingKernels, movementOf } from './sanity/movement.ts'
import type { Source } from './source.ts'
import type { StepPlan } from './step-graph.ts'
import type { Trunk } from './trunk.ts'
import { splitPair } from './validation-split.ts'
import { stepPrograms, type StepPrograms } from './windows.ts'

/** Everything that the loop works with. */
export interface Run {
  readonly model: Functional
  readonly compiled: Compiled
  readonly options: FitOptions
  readonly batchSize: number
  readonly control: RunControl
  readonly callbacks: readonly Callback[]
  readonly trunk: Trunk
  readonly programs: StepPrograms
  readonly source: Source
  readonly classWeight: Readonly<Record<number, number>> | undefined
  readonly validation: { readonly source: Source; readonly evaluator: Evaluator } | undefined
  readonly checkpoints: Checkpoints
  /** What holds memory or files until the end. */
  readonly closing: readonly Disposable[]
}

interface Disposable {
  dispose(): Promise<void>
}

/** What `openRun` makes a run of. */
export interface RunRequest {
  readonly model: Functional
  readonly compiled: Compiled
  readonly data: FitData | Pair
  readonly options: FitOptions & { readonly callbacks: readonly Callback[] }
  /** Where checkpoints are kept, if they are. */
  readonly folder: CheckpointFolder | undefined
  readonly doctor: Doctor
}

/** Reads the data and computes the features; everything is closed again when that fails. */
export async function openRun({ model, compiled, data, options, folder, doctor }: RunRequest): Promise<Run> {
  const { training, held } = splitData(data, options)
  const opened = await openData(model, training)
  const closing: Disposable[] = []
  const keep = <T extends Disposable>(made: T): T => (closing.push(made), made)
  try {
    const trunk = keep(await settledTrunk({ model, compiled, opened, options }))
    const { onEvent = (): void => undefined, signal, featureStore, callbacks, batchSize = 32 } = options
    const context = { model, compiled, trunk, emit: storeWarnsOnce(onEvent), signal, featureStore, onPhotos: watchedPixels(model, doctor) }
    const settled = withDefaults(options, opened)
    checkMix(settled, trunk)
    const views = viewsFor(settled, settled.seed ?? 0)
    const heldOut = held && (await openHeldOut(model, held, opened))
    const { learnsStatistics } = trunk
    const isResumed = folder?.found !== undefined
    if (doctor.isOn) doctor.learn(await examine({ model, compiled, opened, held: heldOut, options, learnsStatistics }), isResumed)
    const source = keep(await makeSource(opened, { ...context, split: 'train', views }))
    const validation = heldOut && {
      source: keep(await makeSource(heldOut, { ...context, split: 'validation' })),
      evaluator: keep(await buildEvaluator({ model, compiled, photo: opened.photo, features: trunk.features })),
    }
    // Features are at hand now; the trunk's native memory is not needed while the graft trains.
    if (opened.kind !== 'stream' && heldOut?.kind !== 'stream') await trunk.dispose()
    const knows = doctor.isOn && !isResumed && (await watchKnowledge(doctor, { compiled, validation, trunk }))
    const control = createControl(model, compiled, { ...options, resumes: isResumed || folder?.begun !== undefined })
    const isWatched = knows || control.gradients !== undefined
    const planFor = (size: number): StepPlan => stepPlan({ model, compiled, trunk, control, opened, settled }, size)
    const programs = keep(stepPrograms({ planFor, batchSize, compiled, source, options: settled, callbacks, isWatched }))
    const parts = { model, compiled, trunk, options: settled, batchSize, source, validation: validation?.source }
    const settings = folder ? settingsOf({ ...parts, data: await dataOf(opened, heldOut, signal) }) : {}
    const run = { model, compiled, control, callbacks, settings }
    return {
      model,
      compiled,
      options: settled,
      batchSize,
      control,
      callbacks,
      trunk,
      programs,
      source,
      classWeight: classWeightsFor(options.classWeight, opened, { source, outputs: model.output.shape.at(-1) ?? 1 }),
      validation,
      checkpoints: checkpointsOf(folder, run, source),
      closing,
    }
  } catch (error) {
    await closeRun({ closing })
    throw error
  }
}

async function dataOf(opened: Opened, heldOut: Opened | undefined, signal: AbortSignal | undefined): Promise<Record<string, unknown>> {
  return { ...(await dataSettings(opened, 'training', signal)), ...(heldOut && (await dataSettings(heldOut, 'validation', signal))) }
}

interface StepParts extends Pick<Run, 'model' | 'compiled' | 'trunk' | 'control'> {
  readonly opened: Opened
  readonly settled: FitOptions
}

function stepPlan({ model, compiled, trunk, control, opened, settled }: StepParts, size: number): StepPlan {
  const { seed = 0 } = settled
  return { model, compiled, shape: [size, ...opened.photo], features: trunk.features, seed, gradients: control.gradients }
}

/** A stream's photos are seen when they are read. */
function watchedPixels(model: Functional, doctor: Doctor): (photos: Tensor<'float32'>) => void {
  let isSeen = !doctor.isOn
  return (photos) => {
    if (!isSeen) doctor.learn({ pixels: pixelsOf(model, photos) })
    isSeen = true
  }
}

/** What the weights know before the first step, so that its loss can be told. Whether they know something, and are watched. */
async function watchKnowledge(
  doctor: Doctor,
  { compiled, validation, trunk }: Pick<Run, 'compiled' | 'validation' | 'trunk'>,
): Promise<boolean> {
  const kernels = knowingKernels(compiled.trainable)
  if (kernels.length === 0) {
    // A new head behind a frozen trunk has nothing to lose either, but learns fast.
    doctor.learn(trunk.computes ? {} : { knows: false })
    return false
  }
  doctor.watchWeights(movementOf(kernels))
  doctor.learn({ knows: true, start: validation && (await startOf(validation.source, validation.evaluator, 32)) })
  return true
}

/** Frozen weights rest before anything reads them. The trunk in float32 or, where that was asked for and is close enough, in 8 bits; the code for those is loaded only then. */
async function settledTrunk(request: Omit<RunRequest, 'data' | 'folder' | 'doctor'> & { opened: Opened }): Promise<Trunk> {
  const { model, compiled, opened, options } = request
  const { precision = 'fp32', onEvent, signal, featureStore } = options
  restFrozenWeights(model, compiled)
  if (precision === 'fp32') useByteTrunk(model, undefined)
  else if (precision === 'int8') {
    const { settlePrecision } = await import('./int8/settle-precision.ts')
    const { float } = trunkFor(model, compiled, opened.photo, { inFloat: true })
    const emit = onEvent ?? ((): void => undefined)
    await settlePrecision({ model, trunk: float, opened, isStored: featureStore !== false, emit, signal })
  } else throw unknownName('precision', precision, ['fp32', 'int8'])
  return trunkFor(model, compiled, opened.photo)
}

/** What the data asks for where the caller says nothing. */
function withDefaults(options: FitOptions, opened: Opened): FitOptions {
  const defaults = opened.kind === 'dataset' ? opened.dataset.defaults : undefined
  const { shuffle = defaults?.shuffle, seed = defaults?.seed } = options
  return { ...options, ...(shuffle === undefined ? {} : { shuffle }), ...(seed === undefined ? {} : { seed }) }
}

/** Validation photos pass the same trunk, so they must have the same size. */
async function openHeldOut(model: Functional, held: FitData | Pair, training: Opened): Promise<Opened> {
  const opened = await openData(model, held)
  if (opened.photo.join() === training.photo.join()) return opened
  throw new RootstockError(
    'SHAPE',
    `Cannot validate: photos are [${opened.photo.join(',')}], those of training [${training.photo.join(',')}]`,
  )
}

function splitData(data: FitData | Pair, options: FitOptions): { training: FitData | Pair; held: FitData | Pair | undefined } {
  const held = options.validationData && heldOutOf(options.validationData)
  if (options.sampleWeight && !('x' in data)) {
    throw new RootstockError('USAGE', 'Cannot weigh the samples: found sampleWeight with a dataset or a stream, expected tensors', {
      hint: 'Give classWeight, or yield sampleWeight with each batch of a stream',
    })
  }
  const weighted = 'x' in data && options.sampleWeight ? { ...data, sampleWeight: options.sampleWeight } : data
  if (options.validationSplit === undefined || held) return { training: weighted, held }
  return splitPair(weighted, options.validationSplit)
}

function heldOutOf(given: NonNullable<FitOptions['validationData']>): FitData | Pair {
  if (!isTensors(given)) {
    checkData(given)
    return given
  }
  const [x, y, sampleWeight] = given
  if (given.length === 2 || given.length === 3) return { x, y, sampleWeight }
  const count = (given as readonly unknown[]).length
  throw new RootstockError('USAGE', `Invalid validationData: found a list of ${count}, expected [x, y] or [x, y, sampleWeight]`)
}

function isTensors(given: NonNullable<FitOptions['validationData']>): given is HeldOutTensors {
  return Array.isArray(given)
}

/** Frees what the run held. */
export async function closeRun({ closing }: Pick<Run, 'closing'>): Promise<void> {
  for (const resource of [...closing].reverse()) await resource.dispose()
}
