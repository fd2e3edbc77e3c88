/** @file Which part each photo of a class goes to: in their order, copies of one photo together. */
import { PARTS } from './layout.ts'
import type { Part } from './layout.ts'

/** How many photos of a class each part gets. */
export type Wanted = Readonly<Record<Part, number>>

/** Photos of one class in their order, each as the name of its unit: copies of one photo have the same. */
export interface ClassUnits {
  readonly keys: readonly string[]
  /** Where the units of the classes before went: a photo in two classes must not lie in two parts. */
  readonly taken: ReadonlyMap<string, Part>
}

/** The least of different photos that fills three parts. */
const LEAST = 3

/** 70, 15 and 15 of a hundred different photos, copies beside their first; undefined where there are fewer than three of its own. */
export function shareOut({ keys, taken }: ClassUnits): (Part | undefined)[] | undefined {
  const own = [...new Set(keys)].filter((key) => !taken.has(key))
  if (own.length < LEAST) return undefined
  const share = Math.max(1, Math.floor(own.length * 0.15))
  const places = new Map<string, Part>([...taken, ...own.map((key, i) => [key, partAt(i, own.length - 2 * share, share)] as const)])
  return keys.map((key) => places.get(key))
}

function partAt(index: number, train: number, share: number): Part {
  if (index < train) return 'train'
  return index < train + share ? 'validation' : 'test'
}

/** So many photos for each part, undefined for those that are not used; a part gets fewer where copies leave no choice. */
export function fillParts(units: ClassUnits, wanted: Wanted): (Part | undefined)[] {
  const members = new Map<string, number[]>()
  units.keys.forEach((key, index) => members.set(key, [...(members.get(key) ?? []), index]))
  const inOrder = [...members]
  const filled = place(inOrder, units, wanted)
  if (isFull(filled, wanted)) return filled
  // Units that lie across the border of two parts fit better when the large ones come first.
  const largeFirst = place(
    inOrder.sort(([, a], [, b]) => b.length - a.length),
    units,
    wanted,
  )
  return isFull(largeFirst, wanted) ? largeFirst : filled
}

/** Whether every part has what it was to get. */
export function isFull(parts: readonly (Part | undefined)[], wanted: Wanted): boolean {
  return PARTS.every((part) => countOf(parts, part) === wanted[part])
}

/** How many photos a part has. */
export function countOf(parts: readonly (Part | undefined)[], part: Part): number {
  return parts.filter((own) => own === part).length
}

function place(
  units: readonly (readonly [string, readonly number[]])[],
  { keys, taken }: ClassUnits,
  wanted: Wanted,
): (Part | undefined)[] {
  const room = { ...wanted }
  const parts = keys.map((): Part | undefined => undefined)
  for (const [key, members] of units) {
    // A unit that fits nowhere whole is cut: copies that are left over are not used.
    const part = taken.get(key) ?? PARTS.find((name) => room[name] >= members.length) ?? PARTS.find((name) => room[name] > 0)
    if (!part) continue
    for (const index of members.slice(0, room[part])) parts[index] = part
    room[part] -= Math.min(members.length, room[part])
  }
  return parts
}
