/** @file split.json: which photos a run learned from, by path and content, for whoever measures or repeats it. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError, messageOf } from '../../errors.ts'
import { describeSplit, splitFrom, type Dataset, type Part, type ScanOptions, type Split, type SplitDescription } from '../../data/index.ts'
import { atomicWrite, errnoOf } from '../../files/index.ts'

/** Its name in a run's folder. */
export const splitFile = 'split.json'

/** Writes the split into the run; returns what was written. */
export async function writeRunSplit(run: string, split: Split): Promise<SplitDescription> {
  const description = await describeSplit(split)
  await atomicWrite(join(run, splitFile), Buffer.from(`${JSON.stringify(description)}\n`))
  return description
}

/** SHA-256 over part, class and content of all photos: equal for the same split of the same photos, whatever their names. */
export function splitHash({ photos }: Pick<SplitDescription, 'photos'>): string {
  const lines = photos.map(({ part, label, hash }) => JSON.stringify([part, label, hash])).sort()
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

/** Content hashes of the photos that the run trained with; undefined where it has no split. Code FORMAT where split.json is broken. */
export async function learnedPhotos(run: string): Promise<ReadonlySet<string> | undefined> {
  const stored = await readRunSplit(run)
  if (stored === undefined) return undefined
  const photos = isSplit(stored) ? stored.photos : []
  return new Set(photos.flatMap(({ part, hash }) => (part === 'train' && typeof hash === 'string' ? [hash] : [])))
}

/** One part of the run's split, its photos looked up below `folder`. Code DATA where one is missing or changed, or the part is empty. */
export async function runPart(
  run: string,
  folder: string,
  { part, ...scanning }: { readonly part: Part } & Pick<ScanOptions, 'followLinks'>,
): Promise<Dataset> {
  const stored = await readRunSplit(run)
  if (stored === undefined) {
    throw new RootstockError('FILE', `Cannot find the ${part} photos of ${run}: it has no ${splitFile}`, {
      hint: 'Give a folder of photos without --part',
    })
  }
  const dataset = (await splitFrom(stored, folder, { parts: [part], folder: scanning }))[part]
  if (dataset.size > 0) return dataset
  throw new RootstockError('DATA', `Cannot use the ${part} photos of ${run}: it has none`)
}

/** What split.json holds; undefined where there is none. Code FORMAT where it is no JSON. */
export async function readRunSplit(run: string): Promise<unknown> {
  const file = join(run, splitFile)
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new RootstockError('FORMAT', `Cannot read ${file}: ${messageOf(error)}`, { cause: error })
  }
}

function isSplit(stored: unknown): stored is { readonly photos: readonly { readonly part?: unknown; readonly hash?: unknown }[] } {
  return typeof stored === 'object' && stored !== null && 'photos' in stored && Array.isArray(stored.photos)
}
