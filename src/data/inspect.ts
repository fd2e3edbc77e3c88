/** @file The look at every file before a split: its content hash, its fingerprint, and whether it is a picture at all. */
import { forEachBounded } from './bytes.ts'
import type { Dataset } from './dataset.ts'
import { decodeFingerprint, encodeFingerprint, fingerprint } from './fingerprint.ts'
import type { Fingerprint } from './fingerprint.ts'
import { memoryHashCache } from './hash-cache.ts'
import type { HashCache } from './hash-cache.ts'
import type { FolderDataset } from './image-folder.ts'
import { quarantine, reasonOf, tryHash } from './quarantine.ts'
import type { QuarantineOptions, Unusable, UnusableSample } from './quarantine.ts'

/** How files are looked at. */
export interface InspectOptions extends QuarantineOptions {
  /** 'near' (default) also finds resized and re-encoded copies; 'exact' compares bytes only. Every picture is decoded once, to find damaged ones. */
  readonly duplicates?: 'near' | 'exact'
  /** Keeps fingerprints between runs; default: none are kept. */
  readonly hashCache?: HashCache
  /** Hears of every file whose content was looked at. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends the reading early, with code CANCELED. */
  readonly signal?: AbortSignal
}

/** A dataset of which every sample could be read once, with what its content is. */
export interface Inspected {
  readonly dataset: Dataset
  /** The samples' places in the dataset before the unusable ones were left out. */
  readonly hashes: readonly string[]
  /** Undefined where only bytes are compared. */
  readonly prints: readonly (Fingerprint | undefined)[]
  readonly unusable: readonly Unusable[]
}

/** Looks at every file; those that cannot be used are left out. Code DATA where they are too many. */
export async function inspect(whole: FolderDataset, options: InspectOptions): Promise<Inspected> {
  const hashes = new Array<string>(whole.size).fill('')
  const prints = new Array<Fingerprint | undefined>(whole.size).fill(undefined)
  const failures: UnusableSample[] = []
  const printOf = printer(whole, options)
  let done = 0
  const work = async (index: number): Promise<void> => {
    const failed = (reason: string): void => void failures.push({ index, id: whole.describe(index), reason })
    const result = await tryHash(whole, index)
    if (result.ok) {
      try {
        const print = await printOf(index, result.hash)
        if (options.duplicates !== 'exact') prints[index] = print
        hashes[index] = result.hash
      } catch (error) {
        failed(reasonOf(error, whole.describe(index)))
      }
    } else failed(result.reason)
    options.onProgress?.(++done, whole.size)
  }
  await forEachBounded(whole.size, work, { signal: options.signal })
  failures.sort((a, b) => a.index - b.index)
  const { dataset, unusable } = quarantine(whole, failures, options)
  const isUsable = (_: unknown, index: number): boolean => hashes[index] !== ''
  return { dataset, hashes: hashes.filter(isUsable), prints: prints.filter(isUsable), unusable }
}

/** Fingerprints by content, each computed once; copies wait for the one that is under way. */
function printer(
  whole: FolderDataset,
  { hashCache = memoryHashCache() }: InspectOptions,
): (index: number, hash: string) => Promise<Fingerprint> {
  const underWay = new Map<string, Promise<Fingerprint>>()
  const compute = async (index: number, hash: string): Promise<Fingerprint> => {
    const stored = decodeFingerprint((await hashCache.get(hash)) ?? '')
    if (stored) return stored
    const print = await fingerprint(await whole.bytes(index))
    await hashCache.put(hash, encodeFingerprint(print))
    return print
  }
  return (index, hash) => {
    const print = underWay.get(hash) ?? compute(index, hash)
    underWay.set(hash, print)
    return print
  }
}
