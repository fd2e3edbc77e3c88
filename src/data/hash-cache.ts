/** @file Where fingerprints are kept between runs, so that each picture is decoded for them once. */

/** A store of short texts by content hash; it reports no fault: what it cannot keep is computed again. */
export interface HashCache {
  /** What was kept under a key; undefined where nothing was. */
  get(contentHash: string): string | undefined | Promise<string | undefined>
  /** Keeps a value under a key. */
  put(contentHash: string, value: string): void | Promise<void>
}

/** A cache that lasts as long as the process. */
export function memoryHashCache(): HashCache {
  const values = new Map<string, string>()
  return { get: (contentHash) => values.get(contentHash), put: (contentHash, value) => void values.set(contentHash, value) }
}
