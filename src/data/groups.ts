/** @file Which photos show the same animal, patient or camera, as a pattern in their names or a table says. */
import { RootstockError, messageOf } from '../errors.ts'
import { counted, printableName } from './names.ts'
import { photoFinder } from './photo-names.ts'
import { readTable } from './table.ts'

/** How photos are put into groups that no split tears apart. */
export interface GroupOptions {
  /** A pattern with one capture group, which is the group's name: looked for in the file name, then in the path below the folder. */
  readonly groupPattern?: RegExp | string
  /** A CSV or JSON lines file with the columns file and group. */
  readonly groups?: string
}

/** The group of every photo, and what the reader should know. */
export interface FoundGroups {
  /** Undefined: the photo is alone. */
  readonly names: readonly (string | undefined)[]
  readonly notes: readonly string[]
}

/** The groups of photos by their names below the folder. Code USAGE or DATA where the pattern or the table fits no photo. */
export async function groupsOf(photos: readonly string[], options: GroupOptions): Promise<FoundGroups> {
  const { groupPattern, groups } = options
  if (groupPattern !== undefined && groups !== undefined) {
    throw new RootstockError('USAGE', 'Cannot group the photos: both groupPattern and groups are given, expected one of them')
  }
  if (groupPattern !== undefined) return described(byPattern(photos, groupPattern), 'the pattern')
  if (groups !== undefined) return described(await byTable(photos, groups), `"${printableName(groups)}"`)
  return { names: photos.map(() => undefined), notes: [] }
}

function byPattern(photos: readonly string[], given: RegExp | string): (string | undefined)[] {
  const pattern = compiled(given)
  const names = photos.map((photo) => (pattern.exec(photo.slice(photo.lastIndexOf('/') + 1)) ?? pattern.exec(photo))?.[1])
  if (photos.length > 0 && names.every((name) => name === undefined)) {
    throw new RootstockError(
      'USAGE',
      `Cannot group the photos: no name fits ${String(pattern)}, such as "${printableName(photos[0] ?? '')}"`,
      {
        hint: 'The part in parentheses is the group: ^(patient\\d+)_ takes patient12 from patient12_3.jpg',
      },
    )
  }
  return names
}

/** A pattern without the flags that make it remember its place; exactly one capture group. */
function compiled(given: RegExp | string): RegExp {
  let pattern: RegExp
  try {
    pattern = typeof given === 'string' ? new RegExp(given, 'u') : new RegExp(given.source, given.flags.replace(/[gy]/g, ''))
  } catch (error) {
    throw new RootstockError('USAGE', `Cannot group the photos: ${messageOf(error)}`, { cause: error })
  }
  const captures = (new RegExp(`${pattern.source}|`, pattern.flags).exec('')?.length ?? 1) - 1
  if (captures === 1) return pattern
  throw new RootstockError('USAGE', `Cannot group the photos: ${String(pattern)} has ${counted(captures, 'capture group')}, expected 1`, {
    hint: 'Put parentheses around the part of the name that is the group, and (?:…) around others',
  })
}

async function byTable(photos: readonly string[], path: string): Promise<(string | undefined)[]> {
  const { rows } = await readTable(path, 'group')
  const find = photoFinder(photos)
  const names = new Array<string | undefined>(photos.length).fill(undefined)
  for (const { file, value } of rows) {
    const match = find(file)
    if (match.kind === 'one' && value !== '') names[match.index] = value
  }
  if (names.some((name) => name !== undefined)) return names
  throw new RootstockError(
    'DATA',
    `Cannot group the photos: none of ${counted(rows.length, 'row')} of "${printableName(path)}" names a photo`,
    {
      hint: `Name the photos as in "${printableName(photos[0] ?? 'cat/1.jpg')}"`,
    },
  )
}

function described(names: readonly (string | undefined)[], source: string): FoundGroups {
  const groups = new Set(names.filter((name) => name !== undefined)).size
  const alone = names.filter((name) => name === undefined).length
  const rest = alone > 0 ? `; ${counted(alone, 'photo')} in none` : ''
  return { names, notes: [`Photos that stay together by ${source}: ${counted(groups, 'group')}${rest}`] }
}
