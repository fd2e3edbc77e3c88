/** @file Pictures that cannot be used: found when they are read, listed with the reason, and left out of labels, size and order alike. */
import { messageOf, RootstockError } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import { forEachBounded } from './bytes.ts'
import { allIndices, countClasses, hashOf, withoutSamples } from './dataset.ts'
import type { Dataset, ReadOptions, Sample } from './dataset.ts'
import { systemReason } from './failures.ts'
import { printableName } from './names.ts'

/** A picture, or the reason why there is none. */
export type ReadResult =
  | {
      /** Whether it could be read. */
      readonly ok: true
      /** The picture, [height, width, 3]. */
      readonly tensor: Tensor<'float32'>
    }
  | {
      /** Whether it could be read. */
      readonly ok: false
      /** Why not, in words. */
      readonly reason: string
    }

/** An unusable picture as reports list it. */
export interface Unusable {
  /** Its path, printable. */
  readonly path: string
  /** Why, in words. */
  readonly reason: string
}

/** An unusable sample of a dataset. */
export interface UnusableSample extends Sample {
  /** Why, in words. */
  readonly reason: string
}

/** How many unusable pictures a run accepts. */
export interface QuarantineOptions {
  /** Largest share of unusable pictures, 0 to 1; default 0.2. */
  readonly maxUnusable?: number
  /** Hears of every unusable picture where they are too many; the error names the first. */
  readonly onRefused?: (picture: Unusable) => void
}

/** A dataset that only has usable samples, and those that were dropped. */
export interface Quarantined {
  /** The samples that can be used. */
  readonly dataset: Dataset
  /** The others. */
  readonly unusable: readonly Unusable[]
}

/** Reads one sample; a picture that cannot be used is an answer here, any other fault is thrown. */
export async function tryRead(dataset: Dataset, index: number, how: ReadOptions): Promise<ReadResult> {
  try {
    return { ok: true, tensor: await dataset.read(index, how) }
  } catch (error) {
    return { ok: false, reason: reasonOf(error, dataset.describe(index)) }
  }
}

/** The hash of a sample's bytes; a file that cannot be read is an answer here, any other fault is thrown. */
export async function tryHash(
  dataset: Dataset,
  index: number,
): Promise<
  | {
      /** Whether it could be read. */
      readonly ok: true
      /** SHA-256 of the file, in hexadecimal. */
      readonly hash: string
    }
  | {
      /** Whether it could be read. */
      readonly ok: false
      /** Why not, in words. */
      readonly reason: string
    }
> {
  try {
    return { /** Whether it could be read. */ ok: true, /** SHA-256 of the file, in hexadecimal. */ hash: await hashOf(dataset, index) }
  } catch (error) {
    return { /** Whether it could be read. */ ok: false, /** Why not, in words. */ reason: reasonOf(error, dataset.describe(index)) }
  }
}

/** The hashes of samples, by default of all; undefined for files that cannot be read. Code CANCELED when the signal is given. */
export async function hashAll(
  dataset: Dataset,
  { indices = allIndices(dataset.size), signal }: { indices?: readonly number[]; signal?: AbortSignal | undefined } = {},
): Promise<(string | undefined)[]> {
  const hashes = new Array<string | undefined>(indices.length).fill(undefined)
  const work = async (place: number): Promise<void> => {
    const found = await tryHash(dataset, indices[place]!)
    if (found.ok) hashes[place] = found.hash
  }
  await forEachBounded(indices.length, work, { signal })
  return hashes
}

/**
 * Drops the samples that a reading pass found unusable. Code DATA where they are more than `maxUnusable` of all, or all of one class.
 * @example const { dataset, unusable } = quarantine(photos, failures)   // failures: what readAll or probe reported
 */
export function quarantine(
  dataset: Dataset,
  failures: readonly UnusableSample[],
  { maxUnusable = 0.2, onRefused = () => undefined }: QuarantineOptions = {},
): Quarantined {
  const unusable = failures.map(({ id, reason }) => ({ path: id, reason }))
  const [first] = unusable
  if (!first) return { dataset, unusable }
  const example = `"${first.path}" (${first.reason})`
  if (failures.length > maxUnusable * dataset.size) {
    unusable.forEach(onRefused)
    const found = `${failures.length} of ${dataset.size} pictures are unusable, at most ${Math.round(maxUnusable * 100)} % are accepted`
    throw new RootstockError('DATA', `Cannot use the photos: ${found}; the first is ${example}`, {
      hint: 'Replace or delete the listed pictures; in code, maxUnusable raises the accepted share',
    })
  }
  const kept = withoutSamples(
    dataset,
    failures.map(({ index }) => index),
  )
  const before = countClasses(dataset)
  const lost = countClasses(kept).findIndex((count, label) => count === 0 && (before[label] ?? 0) > 0)
  if (lost >= 0) {
    unusable.forEach(onRefused)
    const name = printableName(dataset.classNames[lost] ?? String(lost))
    throw new RootstockError('DATA', `Cannot use the photos: class "${name}" has no usable picture; one that failed is ${example}`, {
      hint: 'Add readable pictures to the class',
    })
  }
  return { dataset: kept, unusable }
}

/** Tries every picture without keeping any, and returns those that cannot be used, by index. */
export async function probe(
  dataset: Dataset,
  how: ReadOptions,
  {
    onProgress,
    signal,
    concurrency,
  }: { onProgress?: (done: number, total: number) => void; signal?: AbortSignal; concurrency?: number } = {},
): Promise<UnusableSample[]> {
  const failures: UnusableSample[] = []
  let done = 0
  const work = async (index: number): Promise<void> => {
    const result = await tryRead(dataset, index, how)
    if (!result.ok) failures.push({ index, id: dataset.describe(index), reason: result.reason })
    onProgress?.(++done, dataset.size)
  }
  await forEachBounded(dataset.size, work, { signal, ...(concurrency !== undefined && { concurrency }) })
  return failures.sort((a, b) => a.index - b.index)
}

/** Why a picture cannot be used, without the part that names it; faults that are not the picture's are thrown on. */
export function reasonOf(error: unknown, shown: string): string {
  const isPicture = error instanceof RootstockError && error.code === 'IMAGE'
  const reason = isPicture ? messageOf(error) : systemReason(error)
  if (reason === undefined) throw error
  // The decoder is given bytes and calls them "the picture"; the name is in the report already.
  for (const opening of [`Cannot read "${shown}": `, 'Cannot read the picture: '])
    if (reason.startsWith(opening)) return reason.slice(opening.length)
  return reason
}
