/** @file The trunk over a dataset: each photo once, unless its features are in the store already; unusable photos are left out. */
import { RootstockError, messageOf } from '../errors.ts'
import { fromHalves, passing, toHalves, type Tensor } from '../tensor/index.ts'
import {
  hashAll,
  openFeatureStore,
  quarantine,
  readAll,
  type Dataset,
  type FeatureEntry,
  type FeatureStore,
  type ReadOptions,
  type StoredPrecision,
  type Unusable,
  type UnusableSample,
} from '../data/index.ts'
import { viewInEpoch, viewKey, type View } from '../image/index.ts'
import type { Views } from './augmentation.ts'
import type { Split, TrainingEvent } from './events.ts'
import { createFeatureRows, type FeatureRows } from './feature-rows.ts'
import { inOrder } from './in-order.ts'
import type { Gather } from './source.ts'
import { photoSlots } from './photo-slots.ts'
import type { Trunk } from './trunk.ts'

export interface FeaturePass {
  readonly dataset: Dataset
  readonly how: ReadOptions
  readonly trunk: Trunk
  readonly split: Split
  readonly emit: (event: TrainingEvent) => void
  readonly signal?: AbortSignal | undefined
  /** For people who look at the store. */
  readonly title: string
  /** Keep features on disk for later runs, whole or rounded to 16 bits. */
  readonly stored: boolean | 'float16'
  /** Fixed random changes, each computed once per photo. */
  readonly views?: Views | undefined
}

export interface DatasetFeatures {
  /** The usable photos. */
  readonly dataset: Dataset
  /** Rows by the index in `dataset`, as the epoch sees them. */
  readonly gather: Gather
  readonly rows: FeatureRows
}

/** Photos read at the same time, at least: as many as Node has threads for, and for lanes as many again. */
const READING = 4

/**
 * Raised when some photo gives other numbers than before, since what was stored of it would go on being used. 2: GIF, TIFF and 16-bit PNG files
 * as Pillow reads them. 3: hamming, and TIFF with colours times alpha, to the last bit. 4: the turn of a PNG that stands behind its pixels,
 * TIFF of 16 bits times alpha.
 */
const READING_VERSION = 4

/** Who warns of the store. */
const STORE = 'featureStore'

/** Computes what is missing, side by side with reading; unusable photos are dropped before training begins. */
export async function datasetFeatures(pass: FeaturePass): Promise<DatasetFeatures> {
  const { dataset, trunk, views } = pass
  const count = views?.fixed.length ?? 1
  const rows = createFeatureRows(dataset.size * count, trunk.shapes)
  const kept = await openKept(pass)
  try {
    const started = performance.now()
    const hashes = (kept || views) && dataset.hash ? await hashAll(dataset, { signal: pass.signal }) : []
    const work: Work = { pass, rows, kept, hashes, failures: new Map(), done: 0, stored: 0, started }
    // View by view, so that a photo that cannot be read is tried once.
    for (const [number, view] of (views?.fixed ?? [undefined]).entries()) await computeView(work, { number, view, count })
    await kept?.store.flush().catch(withoutStore(pass))
    const failures = [...work.failures].map(([index, reason]) => ({ index, id: dataset.describe(index), reason }))
    const usable = dropUnusable(
      dataset,
      failures.sort((a, b) => a.index - b.index),
      pass,
    )
    const places = Array.from({ length: dataset.size }, (_, index) => index).filter((index) => !work.failures.has(index))
    return { dataset: usable, rows, gather: (indices, epoch) => rows.gather(indices.map((i) => rowOf(work, places[i] ?? i, epoch))) }
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
  const tell = ({ path, reason }: Unusable): void => emit({ type: 'unusable', split, path, reason })
  const kept = quarantine(dataset, failures, { onRefused: tell })
  kept.unusable.forEach(tell)
  return kept.dataset
}

/** The store and the trunk's key in it. */
interface Kept {
  readonly store: FeatureStore
  readonly key: string
  readonly precision: StoredPrecision
}

/** A pass that is under way. */
interface Work {
  readonly pass: FeaturePass
  readonly rows: FeatureRows
  readonly kept: Kept | undefined
  /** Content hash by index, as far as they are known. */
  readonly hashes: readonly (string | undefined)[]
  /** Reasons by index. */
  readonly failures: Map<number, string>
  /** Rows finished, and those among them that were stored. */
  done: number
  stored: number
  readonly started: number
}

/** One of `count` views of every photo; undefined: the photo as it is. */
interface NumberedView {
  readonly number: number
  readonly view: View | undefined
  readonly count: number
}

/** Where the features lie that an epoch sees of a photo: each view once in as many epochs as there are views. */
function rowOf({ pass: { views }, hashes }: Work, index: number, epoch: number): number {
  if (!views) return index
  const count = views.fixed.length
  return index * count + viewInEpoch(hashes[index] ?? String(index), epoch, { seed: views.fixed[0]?.seed ?? 0, views: count })
}

/** A store that cannot be used costs time, not the run. */
async function openKept(pass: FeaturePass): Promise<Kept | undefined> {
  const { dataset, how, trunk, stored, title } = pass
  if (stored === false || !dataset.hash) return undefined
  let store: FeatureStore | undefined
  try {
    store = await openFeatureStore()
    const { size, preprocessing, interpolation, exif } = how
    if (store.damage !== undefined) pass.emit({ type: 'warning', message: store.damage, by: STORE })
    const precision = stored === 'float16' ? 'float16' : 'float32'
    const key = `${READING_VERSION}/${precision}/${trunk.hash()}/${JSON.stringify([size, preprocessing, interpolation ?? 'nearest', exif ?? 'apply'])}`
    await store.use(key, stored === 'float16' ? `${title}, float16` : title)
    return { store, key, precision }
  } catch (error) {
    await store?.close()
    withoutStore(pass)(error)
    return undefined
  }
}

async function computeView(work: Work, numbered: NumberedView): Promise<void> {
  const missing = await takeStored(work, numbered)
  await computeMissing(work, numbered, missing)
}

/** Copies what is stored into the rows, and returns the indices of all other photos that can be read. */
async function takeStored(work: Work, numbered: NumberedView): Promise<number[]> {
  const { number, count } = numbered
  const { pass, rows, kept, hashes, failures } = work
  const all = Array.from({ length: pass.dataset.size }, (_, index) => index).filter((index) => !failures.has(index))
  if (!kept) return all
  const look = lookedUp(work, kept.store)
  const missing: number[] = []
  for (const index of all) {
    if (pass.signal?.aborted) throw canceled(pass.signal)
    const found = look(entryOf(kept, hashes[index], numbered))
    if (found?.length === rows.width) await rows.put(index * count + number, found)
    else missing.push(index)
  }
  const taken = all.length - missing.length
  work.done += taken
  work.stored += taken
  if (taken > 0) tell(work)
  return missing
}

/** Looks entries up until the store fails; what it cannot give is computed. */
function lookedUp({ pass }: Work, store: FeatureStore): (entry: FeatureEntry) => Float32Array | undefined {
  let hasFailed = false
  return (entry) => {
    if (hasFailed) return undefined
    try {
      return store.get(entry)
    } catch (error) {
      hasFailed = true
      withoutStore(pass)(error)
      return undefined
    }
  }
}

async function computeMissing(work: Work, numbered: NumberedView, missing: readonly number[]): Promise<void> {
  const { number, view, count } = numbered
  const { pass, rows, kept, hashes, failures } = work
  if (missing.length === 0) return
  // The network needs the memory until it has computed them all.
  rows.rest()
  const lanes = await pass.trunk.widen(missing.length)
  const { batch } = pass.trunk
  // A run waits behind each one that is under way, so that no lane stands still.
  const ahead = lanes > 1 ? 2 * lanes : 0
  const concurrency = Math.max(lanes > 1 ? 2 * READING : READING, batch)
  // Enough for those that are being read, those that wait and those that are computed.
  const slots = photoSlots(concurrency + (ahead + 2) * batch, [...pass.how.size, 3], lanes > 1)
  const runs = inOrder(ahead, async ({ indices, features }: Computed) => {
    const values = rows.split(features)
    for (const [i, index] of indices.entries()) {
      const row = values[i] ?? new Float32Array()
      // Rounded before they are used for the first time, so that this run and the next train on the same numbers.
      const shown = pass.stored === 'float16' ? halved(row) : row
      await rows.put(index * count + number, shown)
      const hash = hashes[index]
      if (kept && hash !== undefined) kept.store.put(entryOf(kept, hash, numbered), shown)
    }
    work.done += indices.length
    tell(work)
  })
  let waiting: { index: number; tensor: Tensor<'float32'> }[] = []
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const [photos, indices] = [slots.batch(waiting.map(({ tensor }) => tensor)), waiting.map(({ index }) => index)]
    waiting = []
    await runs.begin(pass.trunk.run(photos).then((features) => ({ indices, features })))
  }
  const how = view ? { ...pass.how, view } : pass.how
  const reading = { concurrency, into: (nth: number) => slots.at(nth), ...(pass.signal && { signal: pass.signal }) }
  for await (const { index, result } of readAll(pass.dataset, missing, how, reading)) {
    if (result.ok) {
      waiting.push({ index, tensor: result.tensor })
      // The file was decoded into about as much, which the threads that read would go on holding. Small networks, which have lanes, need the time more.
      if (lanes === 1) passing(result.tensor.data.byteLength)
    } else {
      work.done++
      failures.set(index, result.reason)
      // The next photos may be many, until there are enough for a batch: they would be put where these lie.
      waiting = waiting.map(({ index, tensor }) => ({ index, tensor: slots.kept(tensor) }))
      await runs.end()
    }
    if (waiting.length === batch) await flush()
  }
  await flush()
  await runs.end()
  tell(work)
}

/** The numbers as 16 bits have them. Throws USAGE for one that they would make infinite. */
function halved(row: Float32Array): Float32Array {
  const rounded = fromHalves(toHalves(row))
  const at = rounded.findIndex((value, i) => Math.abs(value) === Infinity && Number.isFinite(row[i]))
  if (at < 0) return rounded
  throw new RootstockError('USAGE', `Cannot keep features in float16: found ${row[at]}, expected numbers up to 65504`, {
    hint: 'Keep them in float32: featureStore: true, or --feature-store float32',
  })
}

/** Features of some photos. */
interface Computed {
  readonly indices: readonly number[]
  readonly features: readonly Tensor<'float32'>[]
}

/** A changed photo is stored under what changed it too. */
function entryOf({ key, precision }: Kept, hash = '', { number, view }: NumberedView): FeatureEntry {
  return { trunk: key, photo: view ? `${hash}/${viewKey(view)}` : hash, view: number, precision }
}

function tell({ pass, rows, done, stored, started }: Work): void {
  const { split, emit } = pass
  emit({ type: 'featuresProgress', split, done, total: rows.count, seconds: (performance.now() - started) / 1000, stored })
}

function withoutStore({ emit }: Pick<FeaturePass, 'emit'>): (error: unknown) => void {
  return (error) => emit({ type: 'warning', message: `Going on without the feature store: ${messageOf(error)}`, by: STORE })
}

/** Tells once that the store cannot be used, whatever number of passes find it so. */
export function storeWarnsOnce(emit: FeaturePass['emit']): FeaturePass['emit'] {
  let isTold = false
  return (event) => {
    if (event.type === 'warning' && event.by === STORE) {
      if (isTold) return
      isTold = true
    }
    emit(event)
  }
}

function canceled({ reason }: AbortSignal): RootstockError {
  return new RootstockError('CANCELED', 'Canceled while looking up the features of the photos', { cause: reason })
}
