/** @file The rule that decides which photo trains, validates or tests. */
import { sha256 } from './bytes.ts'
import type { Dataset } from './dataset.ts'
import type { Part } from './layout.ts'
import { counted, printableName } from './names.ts'

/** Shares of the parts; their sum is 1. */
export interface Fractions {
  readonly train: number
  readonly validation: number
  readonly test: number
}

/** The part of every sample, by index. */
export interface Assignment {
  readonly parts: readonly Part[]
  readonly notes: readonly string[]
}

/** Samples with the hash of each one's content. */
export interface HashedSamples {
  readonly dataset: Pick<Dataset, 'labels' | 'classNames' | 'describe'>
  readonly hashes: readonly string[]
  /** A name per sample that is equal for samples that must not part; default: the hashes. */
  readonly keys?: readonly string[]
}

/** Classes with too few photos that are named one by one; more are only counted. */
const namedClasses = 10

/**
 * Every unit (a distinct content, or contents that stay together) gets a place u in [0, 1): the first 52 bits of SHA-256("seed:key"). Below
 * `test` it tests, below `test + validation` it validates, else it trains. So a photo's part depends on its content and the seed alone: adding
 * or renaming photos moves no other, equal files never part, and shares hold within chance. The two cuts of a class give way only as far as each
 * part needs one unit of it (train first, then validation, then test). Only while a class has none at the natural place of some part can a later
 * addition move another of its units. A content that lies in several classes is placed once, with the first of them; a group is placed with
 * the class that most of its contents are of.
 */
export function assignParts(samples: HashedSamples, { fractions, seed }: { fractions: Fractions; seed: number }): Assignment {
  const { dataset, hashes, keys = hashes } = samples
  const owners = ownersOfContents(samples)
  const contents = countContents(samples, keys, owners)
  const units = dataset.classNames.map((): string[] => [])
  for (const [key, counts] of contents) units[mostOf(counts)]?.push(key)
  const placed = new Map<string, Part>()
  for (const list of units) for (const [key, part] of cutClass(list, fractions, seed)) placed.set(key, part)
  const parts = Object.values(fractions).filter((share: number) => share > 0).length
  const unitsOf = tally([...contents.values()].flatMap((counts) => [...counts.keys()]))
  const photosOf = tally([...owners.values()])
  const short = dataset.classNames.flatMap((className, label): string[] => {
    const [count, photos] = [unitsOf.get(label) ?? 0, photosOf.get(label) ?? 0]
    const found = counted(photos, 'different photo') + (photos > count ? ` in ${counted(count, 'group')} that must not part` : '')
    return count < parts ? [`Class "${printableName(className)}" has ${found}, too few for all parts`] : []
  })
  const more = short.length - namedClasses
  const named = more > 1 ? [...short.slice(0, namedClasses), `… and ${more} more classes that have too few for all parts`] : short
  return { parts: keys.map((key) => placed.get(key) ?? 'train'), notes: [...repeatNotes(samples), ...named] }
}

/** How often each class occurs. */
function tally(labels: readonly number[]): Map<number, number> {
  const found = new Map<number, number>()
  for (const label of labels) found.set(label, (found.get(label) ?? 0) + 1)
  return found
}

/** The class that each content belongs to: the first of those that it lies in. */
function ownersOfContents({ dataset, hashes }: HashedSamples): Map<string, number> {
  const owners = new Map<string, number>()
  hashes.forEach((hash, index) => {
    const label = dataset.labels[index] ?? 0
    owners.set(hash, Math.min(label, owners.get(hash) ?? label))
  })
  return owners
}

/** How many contents of each class each unit has: unit → class → count. */
function countContents(
  { hashes }: HashedSamples,
  keys: readonly string[],
  owners: ReadonlyMap<string, number>,
): Map<string, Map<number, number>> {
  const found = new Map<string, Map<number, number>>()
  const keyOf = new Map(hashes.map((hash, index) => [hash, keys[index] ?? hash]))
  for (const [hash, key] of keyOf) {
    const counts = found.get(key) ?? new Map<number, number>()
    const label = owners.get(hash) ?? 0
    found.set(key, counts.set(label, (counts.get(label) ?? 0) + 1))
  }
  return found
}

function mostOf(counts: ReadonlyMap<number, number>): number {
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0]?.[0] ?? 0
}

/** The place of a content in a split, as 64 hexadecimal digits; smaller ones test, larger ones train. */
export function splitKey(seed: number, hash: string): string {
  return sha256(`${seed}:${hash}`)
}

function cutClass(contents: readonly string[], { validation, test }: Fractions, seed: number): [hash: string, part: Part][] {
  const sorted = contents.map((hash) => ({ hash, key: splitKey(seed, hash) })).sort((a, b) => (a.key < b.key ? -1 : 1))
  const below = (limit: number): number => sorted.filter(({ key }) => parseInt(key.slice(0, 13), 16) / 2 ** 52 < limit).length
  const count = sorted.length
  const leastValidation = validation > 0 && count >= 2 ? 1 : 0
  const leastTest = test > 0 && count >= 2 + leastValidation ? 1 : 0
  const tests = clamp(below(test), leastTest, count - leastValidation - 1)
  const validates = clamp(below(test + validation), tests + leastValidation, count - 1)
  return sorted.map(({ hash }, place) => [hash, place < tests ? 'test' : place < validates ? 'validation' : 'train'])
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most))
}

/** Equal files, and those of them that lie in two classes, in words. */
export function repeatNotes({ dataset, hashes }: HashedSamples): string[] {
  const first = new Map<string, number>()
  let repeats = 0
  const torn: [number, number][] = []
  hashes.forEach((hash, index) => {
    const before = first.get(hash)
    if (before === undefined) first.set(hash, index)
    else {
      repeats++
      if (dataset.labels[before] !== dataset.labels[index]) torn.push([before, index])
    }
  })
  const notes = repeats > 0 ? [`Byte for byte the same as another one: ${counted(repeats, 'photo')}; copies stay in the same part`] : []
  const [example] = torn
  if (!example) return notes
  const [a, b] = example.map((index) => `"${dataset.describe(index)}"`)
  return [...notes, `In two classes at once: ${counted(torn.length, 'photo')}; the first is ${a ?? ''} and ${b ?? ''}`]
}
