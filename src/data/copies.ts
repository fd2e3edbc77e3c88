/** @file Copies of one photo: which there are, which lie in two parts, and what is done about those. */
import { RootstockError } from '../errors.ts'
import type { Fingerprint } from './fingerprint.ts'
import { PARTS } from './layout.ts'
import type { Part } from './layout.ts'
import { counted, printableName } from './names.ts'
import { unitsOf } from './units.ts'

/** A photo of a split, as far as copies go. */
export interface PlacedPhoto {
  readonly path: string
  readonly part: Part
  readonly hash: string
  readonly print: Fingerprint | undefined
}

/** Photos that are the same picture; 'near' where at least two of the files differ. */
export interface Copies {
  /** Equal bytes, or the same picture in another size or compression. */
  readonly kind: 'exact' | 'near'
  /** The photos, two or more. */
  readonly photos: readonly {
    /** Its path, printable. */
    readonly path: string
    /** The part of the split that it lies in. */
    readonly part: Part
  }[]
}

/** What happens to a photo of which another part has a copy: it is reported, moved to that part, or an error. */
export type Leaks = 'report' | 'move' | 'error'

/** Every picture that is there more than once. */
export function copiesOf(photos: readonly PlacedPhoto[]): Copies[] {
  return groups(photos).map((members) => ({
    kind: new Set(members.map((index) => photos[index]?.hash)).size > 1 ? 'near' : 'exact',
    photos: members.flatMap((index) => photos[index] ?? []).map(({ path, part }) => ({ path, part })),
  }))
}

/** Copies across parts as notes, and the parts that photos belong to after `leaks` was applied. Code DATA for 'error'. */
export function settleLeaks(
  photos: readonly PlacedPhoto[],
  leaks: Leaks,
): { readonly parts: readonly Part[]; readonly notes: readonly string[] } {
  const parts = photos.map(({ part }) => part)
  const found = groups(photos).flatMap((members) => leaksOf(photos, members))
  const [first] = found
  if (first && leaks === 'error') {
    throw new RootstockError(
      'DATA',
      `Cannot use the parts: ${counted(found.length, 'photo')} of another part as well; the first is ${pair(photos, first)}`,
      {
        hint: 'Delete the copies, or let them be moved to the part of the first one (leaks move; on the command line --leaks move)',
      },
    )
  }
  if (leaks === 'move') for (const { index, twin } of found) parts[index] = photos[twin]?.part ?? 'train'
  return { parts, notes: leakNotes(photos, found, leaks) }
}

/** A photo and the one of an earlier part that it is a copy of. */
interface Leak {
  readonly index: number
  readonly twin: number
  readonly isExact: boolean
}

/** Train comes first: a photo leaks when the part before its own has one of its copies. */
function leaksOf(photos: readonly PlacedPhoto[], members: readonly number[]): Leak[] {
  const rank = (index: number): number => PARTS.indexOf(photos[index]?.part ?? 'train')
  const first = Math.min(...members.map(rank))
  const heads = members.filter((index) => rank(index) === first)
  return members
    .filter((index) => rank(index) > first)
    .map((index) => {
      const equal = heads.find((head) => photos[head]?.hash === photos[index]?.hash)
      return { index, twin: equal ?? heads[0] ?? index, isExact: equal !== undefined }
    })
}

function leakNotes(photos: readonly PlacedPhoto[], found: readonly Leak[], leaks: Leaks): string[] {
  const notes: string[] = []
  for (const from of PARTS) {
    for (const part of PARTS) {
      for (const isExact of [true, false]) {
        const list = found.filter(
          (leak) => photos[leak.twin]?.part === from && photos[leak.index]?.part === part && leak.isExact === isExact,
        )
        const [first] = list
        if (!first) continue
        const how = isExact ? '' : ' (smaller, larger or compressed again)'
        const end = leaks === 'move' ? `moved to ${from}` : `the accuracy on ${part} looks better than it is`
        notes.push(`In ${from} and in ${part}${how}: ${counted(list.length, 'photo')}; the first is ${pair(photos, first)}; ${end}`)
      }
    }
  }
  return notes
}

function pair(photos: readonly PlacedPhoto[], { index, twin }: Leak): string {
  return [twin, index].map((place) => `"${printableName(photos[place]?.path ?? '')}"`).join(' and ')
}

function groups(photos: readonly PlacedPhoto[]): number[][] {
  const { keys } = unitsOf({ hashes: photos.map(({ hash }) => hash), prints: photos.map(({ print }) => print) })
  const found = new Map<string, number[]>()
  keys.forEach((key, index) => {
    const list = found.get(key)
    if (list) list.push(index)
    else found.set(key, [index])
  })
  return [...found.values()].filter((list) => list.length > 1)
}
