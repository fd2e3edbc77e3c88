/** @file The trunk over a dataset: each photo once, unless its features are in the store already; unusable photos are left out. */
import { RootstockError, messageOf } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import {
  openFeatureStore,
  quarantine,
  readAll,
  stackBatch,
  tryHash,
  type Dataset,
  type FeatureStore,
  type ReadOptions,
  type UnusableSample,
} from '../data/index.ts'
import type { Split, TrainingEvent } from './events.ts'
import { createFeatureRows, type FeatureRows } from './feature-rows.ts'
import { trunkBatch, type Trunk } from './trunk.ts'

export interface FeaturePass {
  readonly dataset: Dataset
  readonly how: ReadOptions
  readonly trunk: Trunk
  readonly split: Split
  readonly emit: (event: TrainingEvent) => void
  readonly signal?: AbortSignal | undefined
  /** For people who look at the store. */
  readonly title: string
  /** Keep features on disk for later runs. */
  readonly stored: boolean
}

export interface DatasetFeatures {
  /** The usable photos. */
  readonly dataset: Dataset
  /** Rows by the index in `dataset`. */
  readonly gather: (indices: readonly number[]) => Promise<Tensor<'float32'>[]>
  readonly rows: FeatureRows
}

/** Computes what is missing, side by side with reading; unusable photos are dropped before training begins. */
export async function datasetFeatures(pass: FeaturePass): Promise<DatasetFeatures> {
  const { dataset, trunk } = pass
  const rows = await createFeatureRows(dataset.size, trunk.shapes)
  const kept = await openKept(pass)
  try {
    const missing = await takeStored(pass, rows, kept)
    const failures = await computeMissing(pass, { rows, kept, missing })
    await kept?.store.flush().catch(withoutStore(pass))
    const usable = dropUnusable(dataset, failures, pass)
    const failed = new Set(failures.map(({ index }) => index))
    const places = Array.from({ length: dataset.size }, (_, index) => index).filter((index) => !failed.has(index))
    return { dataset: usable, rows, gather: (indices) => rows.gather(indices.map((index) => places[index]!)) }
  } catch (error) {
    await rows.dispose()
    throw error
  } finally {
    await kept?.store.close().catch(withoutStore(pass))
  }
}

/** Drops unusable photos and tells of them; too many of them stop the run. */
export function dropUnusable(
  dataset: Dataset,
  failures: readonly UnusableSample[],
  { emit, split }: Pick<FeaturePass, 'emit' | 'split'>,
): Dataset {
  const kept = quarantine(dataset, failures)
  for (const { path, reason } of kept.unusable) emit({ type: 'unusable', split, path, reason })
  return kept.dataset
}

/** The store and the trunk's key in it. */
interface Kept {
  readonly store: FeatureStore
  readonly key: string
  /** Content hash by index, as far as they are known. */
  readonly hashes: (string | undefined)[]
}

/** A store that cannot be used costs time, not the run. */
async function openKept(pass: FeaturePass): Promise<Kept | undefined> {
  const { dataset, how, trunk, stored, title } = pass
  if (!stored || !dataset.hash) return undefined
  try {
    const store = await openFeatureStore()
    const { size, preprocessing, interpolation, exif } = how
    const key = `1/${trunk.hash()}/${JSON.stringify([size, preprocessing, interpolation ?? 'nearest', exif ?? 'apply'])}`
    await store.use(key, title)
    return { store, key, hashes: [] }
  } catch (error) {
    withoutStore(pass)(error)
    return undefined
  }
}

/** Copies what is stored into the rows, and returns the indices of all other photos. */
async function takeStored({ dataset, split, emit, signal }: FeaturePass, rows: FeatureRows, kept: Kept | undefined): Promise<number[]> {
  const all = Array.from({ length: dataset.size }, (_, index) => index)
  if (!kept) return all
  const started = performance.now()
  const missing: number[] = []
  for (const index of all) {
    if (signal?.aborted) throw canceled(signal)
    const hashed = await tryHash(dataset, index)
    if (hashed.ok) kept.hashes[index] = hashed.hash
    const found = hashed.ok ? kept.store.get(kept.key, hashed.hash, 0) : undefined
    if (found?.length === rows.width) await rows.put(index, found)
    else missing.push(index)
  }
  const done = dataset.size - missing.length
  if (done > 0)
    emit({ type: 'featuresProgress', split, done, total: dataset.size, seconds: (performance.now() - started) / 1000, stored: done })
  return missing
}

interface Missing {
  readonly rows: FeatureRows
  readonly kept: Kept | undefined
  readonly missing: readonly number[]
}

async function computeMissing(pass: FeaturePass, { rows, kept, missing }: Missing): Promise<UnusableSample[]> {
  const { dataset, how, trunk, split, emit, signal } = pass
  const failures: UnusableSample[] = []
  const started = performance.now()
  const before = dataset.size - missing.length
  let done = before
  let waiting: { index: number; tensor: Tensor<'float32'> }[] = []
  let told = -1
  const tell = (): void => {
    if (told === done) return
    told = done
    emit({ type: 'featuresProgress', split, done, total: dataset.size, seconds: (performance.now() - started) / 1000, stored: before })
  }
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const features = await trunk.run(stackBatch(waiting.map(({ tensor }) => tensor)))
    const values = rows.split(features)
    for (const [i, { index }] of waiting.entries()) {
      await rows.put(index, values[i]!)
      const hash = kept?.hashes[index]
      if (kept && hash !== undefined) kept.store.put(kept.key, hash, 0, values[i]!)
    }
    waiting = []
    tell()
  }
  for await (const { index, id, result } of readAll(dataset, missing, how, signal ? { signal } : {})) {
    done++
    if (result.ok) waiting.push({ index, tensor: result.tensor })
    else failures.push({ index, id, reason: result.reason })
    if (waiting.length === trunkBatch) await flush()
  }
  await flush()
  if (missing.length > 0) tell()
  return failures
}

function withoutStore({ emit }: Pick<FeaturePass, 'emit'>): (error: unknown) => void {
  return (error) => emit({ type: 'warning', message: `Going on without the feature store: ${messageOf(error)}`, by: 'featureStore' })
}

function canceled({ reason }: AbortSignal): RootstockError {
  return new RootstockError('CANCELED', 'Canceled while looking up the features of the photos', { cause: reason })
}
