/** @file The learning-rate finder on a folder of photos: the network that a training would build, tried and thrown away. */
import { refuseUnknown } from '../errors.ts'
import { refuseWeightsTypo } from '../applications/index.ts'
import { setRandomSeed } from '../layers/index.ts'
import { optimizers, type FoundRates, type RateFinderOptions, type TrainingEvent } from '../training/index.ts'
import { buildClassifierModel, checkedSpec, freezeUpTo } from './classifier-model.ts'
import { DEFAULTS } from './defaults.ts'
import { findRateNames } from './option-names.ts'
import type { TrainClassifierOptions } from './options.ts'
import { pick } from './pick.ts'
import { commandLine } from './report/config-yaml.ts'
import { settleWeights, tellNotice } from './settle-weights.ts'
import { splitPhotos } from './split-photos.ts'
import { downloadEvents } from './work-progress.ts'

/** What decides which network is tried on which photos; as in `trainClassifier`. */
const SETTINGS = [
  'network',
  'alpha',
  'size',
  'weights',
  'batchSize',
  'preprocessing',
  'head',
  'unfreezeFrom',
  'classWeight',
  'duplicates',
  'followLinks',
  'validation',
  'test',
  'seed',
] as const satisfies readonly (keyof TrainClassifierOptions)[]

/** Settings of `findClassifierRate`. */
export interface FindRateOptions
  extends
    Pick<TrainClassifierOptions, (typeof SETTINGS)[number] | 'featureStore' | 'onEvent' | 'signal'>,
    Pick<RateFinderOptions, 'from' | 'to' | 'steps'> {}

/** What was tried on a folder, and what to do next. */
export interface ClassifierRates extends FoundRates {
  /** The network. */
  readonly network: string
  /** Photos that were trained on. */
  readonly photos: number
  /** The training with the suggested rate; undefined where there is none. */
  readonly command: string | undefined
}

/** Tries growing learning rates on the training photos of `folder`, and writes nothing. Codes as `trainClassifier`. */
export async function findClassifierRate(folder: string, asked: FindRateOptions = {}): Promise<ClassifierRates> {
  refuseUnknown('findClassifierRate', asked, findRateNames)
  const { from, to, steps = 100, ...given } = asked
  if (given.weights !== undefined) refuseWeightsTypo(given.weights, ['imagenet', 'embedded', 'none'])
  checkedSpec(given)
  const emit = given.onEvent ?? ((): void => undefined)
  const split = await splitPhotos(folder, given, emit)
  const { options, notice } = await settleWeights(given)
  tellNotice(notice, given, emit)
  const { seed = 0, batchSize = DEFAULTS.batchSize, unfreezeFrom } = options
  const spec = { ...checkedSpec(options), classes: split.classNames }
  const weights = options.weights === 'none' ? null : (options.weights ?? 'imagenet')
  setRandomSeed(seed)
  const { net, base } = await buildClassifierModel(spec, weights, { signal: given.signal, onProgress: downloadEvents(emit) })
  freezeUpTo(base, unfreezeFrom, weights !== null)
  net.compile({ optimizer: optimizers.adam({}), loss: 'categoricalCrossentropy' })
  try {
    const range = pick({ from, to }, ['from', 'to'])
    const kept = pick(options, ['featureStore', 'classWeight', 'signal'])
    const found = await net.findLearningRate(split.train, { ...range, ...kept, steps, batchSize, seed, onEvent: stepEvents(emit, steps) })
    const suggested = found.suggested === undefined ? undefined : Number(found.suggested.toPrecision(2))
    const command = suggested && commandLine(folder, { ...pick(options, SETTINGS), learningRate: suggested })
    return { ...found, suggested, network: spec.network, photos: split.train.size, command: command || undefined }
  } finally {
    await net.dispose()
  }
}

/** The steps as progress of one work: epochs mean nothing here. */
function stepEvents(emit: (event: TrainingEvent) => void, steps: number): (event: TrainingEvent) => void {
  const started = performance.now()
  let done = 0
  return (event) => {
    if (event.type === 'featuresProgress' || event.type === 'unusable' || event.type === 'warning' || event.type === 'message') emit(event)
    if (event.type !== 'batchEnd') return
    const seconds = (performance.now() - started) / 1000
    emit({ type: 'workProgress', label: 'Trying rates', done: ++done, total: steps, unit: 'steps', seconds })
  }
}
