/** @file From what the user hands to `fit` and `evaluate` to sources of batches; photos pass the frozen trunk once. */
import { RootstockError, shownValue } from '../errors.ts'
import { sameShape, showShape, sizeOf, type Shape, type Tensor } from '../tensor/index.ts'
import {
  openDataset,
  probe,
  readAll,
  readOptionsFor,
  type Dataset,
  type DatasetSource,
  type ReadOptions,
  type UnusableSample,
} from '../data/index.ts'
import type { PreprocessMode } from '../image/index.ts'
import type { Functional } from '../models/index.ts'
import type { Compiled } from './compile.ts'
import type { Split, TrainingEvent } from './events.ts'
import type { Views } from './augmentation.ts'
import { datasetFeatures, dropUnusable } from './dataset-features.ts'
import { createFeatureRows } from './feature-rows.ts'
import {
  checkPairs,
  datasetLabels,
  gatherPhotos,
  gatherStored,
  gatherTensors,
  indexedSource,
  streamSource,
  takeRows,
  type Source,
  type StreamBatch,
} from './source.ts'
import { checkSampleWeight } from './sample-weights.ts'
import { labelModeFor } from './targets.ts'
import { trunkOf, type Trunk, type TrunkOptions } from './trunk.ts'

/** Up to here, in bytes, photos that no trunk makes smaller are kept in memory instead of being decoded in every epoch. */
const photosInMemory = 128 * 1024 * 1024

/** Pairs of tensors, a dataset (imageFolder), or a stream of batches. */
export type FitData = Dataset | DatasetSource | AsyncIterable<StreamBatch>
export interface Pair {
  readonly x: Tensor<'float32'>
  readonly y: Tensor
  readonly sampleWeight?: ArrayLike<number> | undefined
}

/** A data set at the door: one of the three forms, and the shape of one photo. */
export type Opened =
  | { readonly kind: 'pair'; readonly pair: Pair; readonly photo: Shape }
  | { readonly kind: 'dataset'; readonly dataset: Dataset; readonly how: ReadOptions; readonly photo: Shape }
  | { readonly kind: 'stream'; readonly stream: AsyncIterable<StreamBatch>; readonly photo: Shape }

/** Throws USAGE for what has none of the three forms: users may write JavaScript. */
export function checkData(data: unknown): void {
  const isObject = typeof data === 'object' && data !== null
  if (isObject && ['x', 'open', 'read', Symbol.asyncIterator].some((key) => key in data)) return
  const found = isObject && Symbol.iterator in data ? 'batches that do not come asynchronously' : shownValue(data)
  throw new RootstockError(
    'USAGE',
    `Cannot train or evaluate: found ${found}, expected tensors x and y, a folder of photos or a stream of batches`,
    {
      hint:
        typeof data === 'string'
          ? 'Write imageFolder(path) for a folder of photos'
          : data instanceof Promise
            ? 'Write await before what gives it'
            : 'A stream has [Symbol.asyncIterator], as what `async function*` returns has; a list can be given to one',
    },
  )
}

/** Recognizes the form. `photo` is the shape that the model takes, where the data does not say. */
export async function openData(model: Functional, data: FitData | Pair): Promise<Opened> {
  if ('x' in data) {
    checkPairs(data.x, data.y)
    if (data.sampleWeight) checkSampleWeight(data.sampleWeight, data.x.shape[0] ?? 0)
    return { kind: 'pair', pair: data, photo: data.x.shape.slice(1) }
  }
  if (Symbol.asyncIterator in data) return { kind: 'stream', stream: data, photo: fixedShape(model) }
  const dataset = await openDataset(data)
  const size = dataset.defaults?.size ?? fixedShape(model).slice(0, 2)
  const preprocessing = (model.preprocessing ?? 'none') as PreprocessMode
  const how = readOptionsFor(dataset, { size: [size[0], size[1]], preprocessing })
  return { kind: 'dataset', dataset, how, photo: [...how.size, 3] }
}

export interface SourceContext {
  readonly model: Functional
  readonly compiled: Compiled
  readonly trunk: Trunk
  readonly split: Split
  readonly emit: (event: TrainingEvent) => void
  readonly signal?: AbortSignal | undefined
  /** Keep features on disk, whole or rounded to 16 bits. Default true. */
  readonly featureStore?: boolean | 'float16' | undefined
  /** Random changes of the photos; training only. */
  readonly views?: Views | undefined
  /** Sees the photos of a stream. */
  readonly onPhotos?: ((photos: Tensor<'float32'>) => void) | undefined
}

/** A source of batches for the graft. Computes the trunk for every photo now, when there is one. */
export async function makeSource(opened: Opened, context: SourceContext): Promise<Source> {
  const { trunk, views } = context
  if (views && opened.kind !== 'dataset') throw notPhotos()
  switch (opened.kind) {
    case 'stream':
      return streamSource(opened.stream, (photos) => {
        checkPhotos(photos, opened.photo)
        context.onPhotos?.(photos)
        return trunk.run(photos)
      })
    case 'pair':
      return pairSource(opened.pair, context)
    case 'dataset':
      return trunk.computes ? featureSource(opened, context) : photoSource(opened, context)
  }
}

async function featureSource({ dataset, how }: Extract<Opened, { kind: 'dataset' }>, context: SourceContext): Promise<Source> {
  const { model, compiled, featureStore = true } = context
  const features = await datasetFeatures({
    ...context,
    dataset,
    how,
    title: `${model.name}, ${how.size.join(' × ')} px`,
    stored: featureStore,
  })
  const labels = datasetLabels(features.dataset, labelModeFor(compiled.loss))
  const { gather, rows } = features
  const used = { dataset: features.dataset, recycle: rows.recycle, dispose: () => rows.dispose() }
  return indexedSource(features.dataset.size, { gather, labels, ...used })
}

/** Without a trunk photos are read anew in every epoch, unless all of them fit into memory and none is changed. */
async function photoSource(opened: Extract<Opened, { kind: 'dataset' }>, context: SourceContext): Promise<Source> {
  const { dataset, how } = opened
  const mode = labelModeFor(context.compiled.loss)
  const isSmall = dataset.size * sizeOf(opened.photo) * 4 <= photosInMemory
  if (context.views || !isSmall) {
    const tried = await usable(opened, context)
    return indexedSource(tried.size, {
      gather: gatherPhotos(tried, how, context.views),
      labels: datasetLabels(tried, mode),
      dataset: tried,
      isAtHand: false,
    })
  }
  const kept = await readPhotos(opened, context)
  const labels = datasetLabels(kept.dataset, mode)
  return indexedSource(kept.dataset.size, { gather: gatherTensors([kept.photos]), labels, dataset: kept.dataset })
}

/** All photos of a small dataset as one tensor. */
async function readPhotos(
  { dataset, how, photo }: Extract<Opened, { kind: 'dataset' }>,
  context: SourceContext,
): Promise<{ dataset: Dataset; photos: Tensor<'float32'> }> {
  const width = sizeOf(photo)
  const data = new Float32Array(dataset.size * width)
  const failures: UnusableSample[] = []
  let count = 0
  for await (const { index, id, result } of readAll(
    dataset,
    range(0, dataset.size),
    how,
    context.signal ? { signal: context.signal } : {},
  )) {
    if (result.ok) data.set(result.tensor.data, count++ * width)
    else failures.push({ index, id, reason: result.reason })
  }
  const kept = dropUnusable(dataset, failures, context)
  return { dataset: kept, photos: { data: data.subarray(0, count * width), shape: [count, ...photo], dtype: 'float32' } }
}

/** The trunk for the model's photos of that shape. */
export function trunkFor(model: Functional, compiled: Compiled, photo: Shape, options?: TrunkOptions): Trunk {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new RootstockError(
      'USAGE',
      `Cannot train or evaluate ${model.name}: it has ${model.inputs.length} inputs and ${model.outputs.length} outputs, expected one of each`,
    )
  }
  const { shape } = model.output
  if (shape.length !== 2) {
    throw new RootstockError(
      'USAGE',
      `Cannot train or evaluate ${model.name}: its output has shape ${showShape(shape)}, expected [null, classes]`,
      {
        hint: 'Add globalAveragePooling2d or flatten, and a dense layer',
      },
    )
  }
  return trunkOf(model, compiled, photo, options)
}

async function pairSource({ x, y, sampleWeight }: Pair, context: SourceContext): Promise<Source> {
  const { trunk } = context
  const labels = (indices: readonly number[]): Tensor => takeRows(y, indices)
  const weights = sampleWeight && Float32Array.from(sampleWeight)
  const count = x.shape[0] ?? 0
  if (!trunk.computes) return indexedSource(count, { gather: gatherTensors([x]), labels, weights })
  const rows = createFeatureRows(count, trunk.shapes)
  for (let from = 0; from < count; from += trunk.batch) {
    if (context.signal?.aborted) throw canceled(context.signal)
    const indices = range(from, Math.min(count, from + trunk.batch))
    await rows.write(from, await trunk.run(takeRows(x, indices)))
  }
  return indexedSource(count, { gather: gatherStored(rows), labels, weights, recycle: rows.recycle, dispose: () => rows.dispose() })
}

/** Without a trunk photos are read anew in every epoch, so they are all tried once before. */
async function usable(opened: Extract<Opened, { kind: 'dataset' }>, context: SourceContext): Promise<Dataset> {
  const failures = await probe(opened.dataset, opened.how, context.signal ? { signal: context.signal } : {})
  return dropUnusable(opened.dataset, failures, context)
}

function notPhotos(): RootstockError {
  return new RootstockError('USAGE', 'Cannot use augmentation: found tensors or a stream, expected photos (imageFolder)', {
    hint: 'Change the pictures before you give them to fit',
  })
}

function checkPhotos(photos: Tensor, photo: Shape): void {
  if (sameShape(photos.shape.slice(1), photo)) return
  throw new RootstockError('SHAPE', `Cannot use a batch of shape ${showShape(photos.shape)}: expected [n,${photo.join()}]`)
}

function canceled({ reason }: AbortSignal): RootstockError {
  return new RootstockError('CANCELED', 'Canceled while computing the features of the photos', { cause: reason })
}

function fixedShape(model: Functional): Shape {
  const shape = model.input.shape.slice(1)
  if (!shape.includes(null)) return shape as Shape
  throw new RootstockError(
    'USAGE',
    `Cannot train or evaluate ${model.name}: its input has shape ${showShape(shape)}, expected known sizes`,
    {
      hint: 'Give the network an inputShape, or the image folder a targetSize',
    },
  )
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}
