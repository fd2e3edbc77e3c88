/** @file Where batches come from: tensors, a dataset of photos, stored features, or the user's own stream. */
import { requireTensor, RootstockError, shownValue } from '../errors.ts'
import { showShape, sizeOf, stack, type Shape, type Tensor } from '../tensor/index.ts'
import { batchIndices, labelBatch, type Dataset, type LabelMode, type ReadOptions } from '../data/index.ts'
import type { FeatureRows } from './feature-rows.ts'
import type { Views } from './augmentation.ts'
import { checkFloats } from './arguments.ts'
import { checkSampleWeight } from './sample-weights.ts'

/** One batch as training sees it. */
export interface Batch {
  /** One tensor [n, …] per value on the freeze boundary. */
  readonly features: readonly Tensor<'float32'>[]
  /** Labels as the user (or the dataset) gives them; losses and metrics read them. */
  readonly labels: Tensor
  /** [n] */
  readonly weights: Float32Array | undefined
  /** Says that nobody reads the features any more: a later batch may lie in their memory. */
  readonly release?: () => void
}

export interface BatchRequest {
  readonly batchSize: number
  readonly shuffle: boolean
  readonly seed: number
  /** Decides the order, and the views of photos. */
  readonly epoch: number
  /** Batches at the beginning that are left out, because they are done already. Default 0. */
  readonly skip?: number
  /** Of a stream: read it from its beginning, not from where the last reading ended. Default false. */
  readonly fromStart?: boolean
}

/** Batches for any number of epochs. */
export interface Source {
  /** Null for streams. */
  readonly samples: number | null
  /** Whether batches lie ready, so that reading many of them ahead delays nothing. */
  readonly isAtHand: boolean
  /** Of photos: those that can be used. */
  readonly dataset?: Dataset
  batches(request: BatchRequest): AsyncIterable<Batch>
  /** Batches taken from a stream since its beginning; 0 for data with random access. Asked between epochs. */
  position(): number
  /** Brings a stream to a position; does nothing where access is random. */
  seek(position: number): Promise<void>
  dispose(): Promise<void>
}

/** A batch of a user's stream, in Keras's layout. */
export interface StreamBatch {
  /** [n, …] */
  readonly x: Tensor<'float32'>
  /** Labels in the form that the loss takes. */
  readonly y: Tensor
  /** Factor on the loss of each sample, [n]. */
  readonly sampleWeight?: Float32Array
}

/** Chooses samples. */
export interface Gather {
  (indices: readonly number[], epoch: number): Promise<readonly Tensor<'float32'>[]>
}

/** Samples with random access: gathered by index, labelled by index. */
export function indexedSource(
  samples: number,
  parts: {
    gather: Gather
    labels: (indices: readonly number[]) => Tensor
    weights?: Float32Array | undefined
    /** Default true. */
    isAtHand?: boolean
    dataset?: Dataset
    /** Takes features back that `gather` gave. */
    recycle?: (features: readonly Tensor<'float32'>[]) => void
    dispose?: () => Promise<void>
  },
): Source {
  const { gather, labels, weights, isAtHand = true, dataset, recycle, dispose } = parts
  return {
    samples,
    isAtHand,
    ...(dataset && { dataset }),
    async *batches(request) {
      let at = 0
      for (const indices of batchIndices(samples, request)) {
        if (at++ < (request.skip ?? 0)) continue
        const features = await gather(indices, request.epoch)
        yield {
          features,
          labels: labels(indices),
          weights: weights && Float32Array.from(indices, (index) => weights[index] ?? 1),
          ...(recycle ? { release: () => recycle(features) } : {}),
        }
      }
    },
    position: () => 0,
    seek: () => Promise.resolve(),
    dispose: dispose ?? (() => Promise.resolve()),
  }
}

/** Rows of tensors in memory. */
export function gatherTensors(tensors: readonly Tensor<'float32'>[]): Gather {
  return (indices) => Promise.resolve(tensors.map((tensor) => takeRows(tensor, indices)))
}

/** Rows of stored features. */
export function gatherStored(stored: FeatureRows): Gather {
  return (indices) => stored.gather(indices)
}

/** Photos read anew each time, as the epoch's view shows them. */
export function gatherPhotos(dataset: Dataset, how: ReadOptions, views?: Views): Gather {
  return async (indices, epoch) => {
    const seen = views ? { ...how, view: views.inEpoch(epoch) } : how
    return [stack(await Promise.all(indices.map((index) => dataset.read(index, seen))))]
  }
}

/** Labels of a dataset in the form that the loss takes. */
export function datasetLabels(dataset: Dataset, mode: LabelMode): (indices: readonly number[]) => Tensor {
  return (indices) => labelBatch(dataset, indices, mode)
}

/** The rows of a tensor at the given places. */
export function takeRows<T extends Tensor>(tensor: T, indices: readonly number[]): T {
  const width = tensor.data.length / (tensor.shape[0] ?? 1)
  const data = new (tensor.data.constructor as Float32ArrayConstructor)(indices.length * width)
  indices.forEach((index, i) => data.set((tensor.data as Float32Array).subarray(index * width, (index + 1) * width), i * width))
  return { ...tensor, data, shape: [indices.length, ...tensor.shape.slice(1)] }
}

/**
 * A user's stream. The trunk runs on every batch, since nothing says which photos come again. An epoch that ends before
 * the stream does (stepsPerEpoch) leaves it where it is, and the next epoch goes on from there; at its end it begins anew.
 */
export function streamSource(
  stream: AsyncIterable<StreamBatch>,
  trunk: (photos: Tensor<'float32'>) => Promise<readonly Tensor<'float32'>[]>,
): Source {
  let iterator: AsyncIterator<StreamBatch> | undefined
  let taken = 0
  /** The next batch; at the stream's end from its beginning, if `wraps`. */
  const nextOf = async (wraps: boolean): Promise<IteratorResult<StreamBatch>> => {
    iterator ??= stream[Symbol.asyncIterator]()
    let next = await iterator.next()
    if (next.done && wraps) {
      iterator = stream[Symbol.asyncIterator]()
      taken = 0
      next = await iterator.next()
    }
    taken++
    return next
  }
  const beginAnew = async (): Promise<void> => {
    const before = iterator
    iterator = stream[Symbol.asyncIterator]()
    taken = 0
    // A generator is its own iterator: it can only go on, and must stay open for that.
    if (before !== iterator) await before?.return?.()
  }
  return {
    samples: null,
    isAtHand: false,
    async *batches({ skip = 0, fromStart = false }) {
      if (fromStart) await beginAnew()
      // The epoch before this one may have ended exactly at the stream's end.
      let wraps = !fromStart && iterator !== undefined && skip === 0
      for (;;) {
        const next = await nextOf(wraps)
        wraps = false
        if (next.done) break
        checkStreamBatch(next.value)
        yield { features: await trunk(next.value.x), labels: next.value.y, weights: next.value.sampleWeight }
      }
      iterator = undefined
      taken = 0
    },
    position: () => taken,
    async seek(position) {
      for (let i = 0; i < position; i++) await nextOf(i > 0)
    },
    dispose: async () => void (await iterator?.return?.()),
  }
}

/**
 * Which batches an epoch begins with. As in Keras, epochs of fewer steps than there are batches walk through the data together, in one order,
 * and the last of them is short where the steps do not come out even. It follows from the epoch's number alone, so a resumed run has nothing to
 * remember. Streams keep their place themselves.
 */
export function placeOfEpoch(
  samples: number | null,
  epoch: number,
  { batchSize, stepsPerEpoch = Infinity, initialEpoch = 0 }: { batchSize: number; stepsPerEpoch?: number; initialEpoch?: number },
): Required<Pick<BatchRequest, 'epoch' | 'skip'>> {
  if (samples === null) return { epoch, skip: 0 }
  const batches = Math.ceil(samples / batchSize)
  const steps = Math.min(stepsPerEpoch, batches)
  const together = Math.ceil(batches / steps)
  const walk = Math.floor((epoch - initialEpoch) / together)
  return { epoch: initialEpoch + walk, skip: (epoch - initialEpoch - walk * together) * steps }
}

/** At most `count` values; reads none beyond them. */
export async function* take<T>(values: AsyncIterable<T>, count = Infinity): AsyncGenerator<T> {
  let taken = 0
  const iterator = values[Symbol.asyncIterator]()
  while (taken++ < count) {
    const result = await iterator.next()
    if (result.done) return
    yield result.value
  }
}

/** Checks that there is one label for each photo, that photos are floats, and that the numbers fill the shapes. */
export function checkPairs(x: Tensor, y: Tensor): void {
  requireTensor(x, 'Cannot train or evaluate on x')
  requireTensor(y, 'Cannot train or evaluate on y')
  checkFloats(x, 'Cannot train or evaluate on x')
  if (!ArrayBuffer.isView(y.data)) {
    throw new RootstockError('USAGE', `Cannot train or evaluate on y: its data are ${shownValue(y.data)}, expected a typed array`, {
      hint: 'Such as tensor(numbers, shape) makes of a list',
    })
  }
  for (const [name, { data, shape }] of Object.entries({ x, y })) {
    if (data.length === sizeOf(shape)) continue
    throw new RootstockError(
      'SHAPE',
      `Cannot train or evaluate: ${name} has ${data.length} numbers, expected ${sizeOf(shape)} for shape ${showShape(shape)}`,
    )
  }
  if (x.shape[0] === y.shape[0] && (x.shape[0] ?? 0) > 0) return
  throw new RootstockError(
    'SHAPE',
    `Cannot train or evaluate: x has shape ${showShape(x.shape)} and y ${showShape(y.shape)}, expected the same number of samples, at least one`,
  )
}

/** The same for what a stream gave, and for the weights of its samples. */
function checkStreamBatch(batch: Partial<StreamBatch> | undefined): void {
  const { x, y, sampleWeight } = batch ?? {}
  if (!x || !y) {
    const found = batch ? `the keys ${Object.keys(batch).join(', ') || '(none)'}` : 'undefined'
    throw new RootstockError('DATA', `Cannot use a batch of the stream: found ${found}, expected x and y`, {
      hint: 'Yield objects { x, y }, with sampleWeight where samples have one',
    })
  }
  checkPairs(x, y)
  if (sampleWeight) checkSampleWeight(sampleWeight, x.shape[0] ?? 0)
}

/** The shape of one sample. */
export const sampleShape = (x: Tensor): Shape => x.shape.slice(1)

/** Reads ahead: the next batch is under way while the present one computes. */
export async function* prefetch<T>(values: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = values[Symbol.asyncIterator]()
  let next = iterator.next()
  // A failure of the batch under way belongs to the turn that asks for it.
  next.catch(() => undefined)
  try {
    for (;;) {
      const result = await next
      if (result.done) return
      next = iterator.next()
      next.catch(() => undefined)
      yield result.value
    }
  } finally {
    await next.catch(() => undefined)
    await iterator.return?.()
  }
}
