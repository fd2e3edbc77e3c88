/** @file The units of a split: photos that are copies of each other or of one group, which share one place. */
import type { Fingerprint } from './fingerprint.ts'
import { nearGroups } from './near-pairs.ts'
import { unionFind } from './union-find.ts'

/** What decides which photos stay together. */
export interface UnitInputs {
  readonly hashes: readonly string[]
  readonly prints: readonly (Fingerprint | undefined)[]
  /** The group that the user gave each photo. */
  readonly groups?: readonly (string | undefined)[]
}

/** The unit of every photo. */
export interface Units {
  /** A name per photo, equal within a unit: what the split draws the unit's place from. */
  readonly keys: readonly string[]
  /** Photos that look alike without being equal, a list per unit that has such. */
  readonly alike: readonly (readonly number[])[]
}

/**
 * Joins equal files, near copies and groups. A unit's name is its group's, or the hash of its largest photo: a smaller or more
 * compressed copy that is added later leaves the name, and with it the unit's part, as it is.
 */
export function unitsOf({ hashes, prints, groups = [] }: UnitInputs): Units {
  const joined = unionFind(hashes.length)
  const first = new Map<string, number>()
  const joinEqual = (name: string, index: number): void => {
    const before = first.get(name)
    if (before === undefined) first.set(name, index)
    else joined.join(before, index)
  }
  hashes.forEach((hash, index) => joinEqual(`hash ${hash}`, index))
  const near = nearGroups(prints.map((print, index) => (first.get(`hash ${hashes[index] ?? ''}`) === index ? print : undefined)))
  const alike = lists(hashes, (index) => near.find(index)).filter((list) => list.length > 1)
  for (const [head = 0, ...others] of alike) for (const index of others) joined.join(head, index)
  groups.forEach((name, index) => {
    if (name !== undefined) joinEqual(`group ${name}`, index)
  })
  const keys = new Array<string>(hashes.length).fill('')
  for (const members of lists(hashes, (index) => joined.find(index))) {
    const key = nameOf(members, { hashes, prints, groups })
    for (const index of members) keys[index] = key
  }
  return { keys, alike }
}

function lists(all: readonly unknown[], groupOf: (index: number) => number): number[][] {
  const found = new Map<number, number[]>()
  all.forEach((_, index) => {
    const group = groupOf(index)
    const list = found.get(group)
    if (list) list.push(index)
    else found.set(group, [index])
  })
  return [...found.values()]
}

function nameOf(members: readonly number[], { hashes, prints, groups = [] }: UnitInputs): string {
  const [group] = members.flatMap((index) => groups[index] ?? []).sort()
  if (group !== undefined) return `group ${group}`
  const sizes = (index: number): readonly [number, number] => [prints[index]?.pixels ?? 0, prints[index]?.bytes ?? 0]
  const [largest = 0] = [...members].sort((a, b) => {
    const [pixelsA, bytesA] = sizes(a)
    const [pixelsB, bytesB] = sizes(b)
    return pixelsB - pixelsA || bytesB - bytesA || ((hashes[a] ?? '') < (hashes[b] ?? '') ? -1 : 1)
  })
  return hashes[largest] ?? ''
}
