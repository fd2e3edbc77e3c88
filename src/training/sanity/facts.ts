/** @file What is known of a run before its first step: classes, copies, pixels, and what the weights know. */
import { createHash } from 'node:crypto'
import type { Tensor } from '../../tensor/index.ts'
import { countClasses, hashAll, printableName, type Dataset } from '../../data/index.ts'
import type { Functional } from '../../models/index.ts'
import type { Compiled } from '../compile.ts'
import type { Evaluator } from '../evaluation.ts'
import type { FitOptions } from '../fit-options.ts'
import type { Opened, Pair } from '../run-data.ts'
import { classNumbers } from '../sample-weights.ts'
import { take, type Source } from '../source.ts'
import { meanOf, type Pixels, type RunFacts } from './check.ts'
import { seenIn, twinsOf, type Keyed } from './copies.ts'

/** What facts are read from. */
export interface Examined {
  readonly model: Functional
  readonly compiled: Compiled
  readonly opened: Opened
  readonly held: Opened | undefined
  readonly options: FitOptions
  readonly learnsStatistics: boolean
}

/** Losses that have a known value for a guess. */
const GUESSES: Readonly<Record<string, (outputs: number) => number>> = {
  categorical_crossentropy: Math.log,
  sparse_categorical_crossentropy: Math.log,
  binary_crossentropy: () => Math.LN2,
}
/** Photos whose pixels are looked at. */
const LOOKED_AT = 64
/** Numbers of a photo that tell it from others. */
const TELLING = 1024
/** Samples with fewer numbers than this are no photos: equal ones are no copies. */
const LEAST_WIDTH = 64
/** Batches held out whose loss is computed before the first step. */
const START_BATCHES = 2

/** Facts about data and settings; photos of a folder are hashed for it, which their features need as well. */
export async function examine({ model, compiled, opened, held, options, learnsStatistics }: Examined): Promise<RunFacts> {
  const { batchSize = 32, epochs = 1, classWeight, sampleWeight, signal } = options
  const labels = labelsOf(opened, compiled, model)
  const heldLabels = held && labelsOf(held, compiled, model)
  const photos = labels && (await keyed(opened, labels, signal))
  const heldPhotos = photos && held && heldLabels && (await keyed(held, heldLabels, signal))
  const guess = typeof classWeight === 'object' || sampleWeight ? undefined : GUESSES[compiled.loss.name]
  return {
    classes: labels && { counts: countClasses(labels), names: labels.classNames },
    held: heldLabels && countClasses(heldLabels),
    isWeighted: classWeight !== undefined || sampleWeight !== undefined,
    batchSize: Math.min(batchSize, labels?.labels.length ?? batchSize),
    epochs: epochs - (options.initialEpoch ?? 0),
    pixels: opened.kind === 'stream' ? undefined : pixelsOf(model, opened.kind === 'pair' ? opened.pair.x : opened.how.preprocessing),
    learnsStatistics,
    guess: guess?.(model.output.shape.at(-1) ?? 1),
    twins: photos && twinsOf(photos),
    seen: photos && heldPhotos && seenIn(photos, heldPhotos),
  }
}

/** How the network wants its photos, and what it gets: the mode of a folder, or the numbers of some tensors. */
export function pixelsOf(model: Functional, given: Tensor<'float32'> | string): Pixels {
  const { name, preprocessing: own = '' } = model
  if (typeof given === 'string') return { model: name, own, used: own === '' ? own : given }
  const { data, shape } = given
  const [count = 0] = shape
  const width = data.length / count
  const step = Math.max(1, Math.floor(count / LOOKED_AT))
  let [least, most] = [Infinity, -Infinity]
  for (let row = 0; row < count; row += step) {
    for (let i = row * width; i < (row + 1) * width; i++) {
      const value = data[i]!
      // NaN is neither less nor more than anything.
      if (!(value >= least)) least = value
      if (!(value <= most)) most = value
      if (Number.isNaN(value)) return { model: name, own, range: [NaN, NaN] }
    }
  }
  return { model: name, own, range: [least, most] }
}

/** Mean loss of some photos held out, as the weights are now, and its standard error; undefined for a stream, which can be read once only. */
export async function startOf(source: Source, evaluator: Evaluator, batchSize: number): Promise<RunFacts['start']> {
  if (source.samples === null) return undefined
  const losses: number[] = []
  for await (const batch of take(source.batches({ batchSize, shuffle: true, seed: 0, epoch: 0 }), START_BATCHES))
    losses.push(...(await evaluator.forward(batch)).losses)
  const loss = meanOf(losses)
  const variance = losses.reduce((sum, value) => sum + (value - loss) ** 2, 0) / Math.max(1, losses.length - 1)
  return { loss, error: Math.sqrt(variance / losses.length) }
}

type Labels = Pick<Dataset, 'labels' | 'classNames'>

/** Class of every sample; undefined where the labels are not classes, or not known before they are read. */
function labelsOf(opened: Opened, { loss }: Compiled, model: Functional): Labels | undefined {
  if (opened.kind === 'stream') return undefined
  if (opened.kind === 'dataset') {
    const { labels, classNames } = opened.dataset
    return { labels, classNames: classNames.map(printableName) }
  }
  const { y } = opened.pair
  const width = y.shape.length > 1 ? (y.shape.at(-1) ?? 1) : 1
  // Several outputs of a binary loss are labels that do not exclude each other.
  if (y.shape.length > 2 || (loss.targets === 'binary' && width > 1)) return undefined
  const labels = Int32Array.from(classNumbers(y))
  const count = loss.targets === 'binary' ? 2 : (model.output.shape.at(-1) ?? width)
  if (labels.some((label) => label < 0 || label >= count)) return undefined
  return { labels, classNames: Array.from({ length: count }, (_, label) => String(label)) }
}

/** A key for the content of every photo; undefined where there is none. */
async function keyed(opened: Opened, { labels, classNames }: Labels, signal: AbortSignal | undefined): Promise<Keyed | undefined> {
  if (opened.kind === 'pair') return pairKeys(opened.pair, { labels, classNames })
  if (opened.kind === 'stream' || !opened.dataset.hash) return undefined
  const { dataset } = opened
  const keys = Array.from(await hashAll(dataset, { signal }), (hash) => hash ?? '')
  return { keys, labels, names: classNames, describe: (index) => dataset.describe(index) }
}

function pairKeys({ x }: Pair, { labels, classNames: names }: Labels): Keyed | undefined {
  const [count = 0] = x.shape
  const width = x.data.length / count
  if (width < LEAST_WIDTH) return undefined
  const some = new Float32Array(Math.min(width, TELLING))
  const keys = Array.from({ length: count }, (_, row) => {
    for (let i = 0; i < some.length; i++) some[i] = x.data[row * width + Math.floor((i * width) / some.length)]!
    return createHash('sha1').update(some).digest('base64')
  })
  return { keys, labels, names, describe: (index) => `photo ${index + 1}` }
}
