/** @file A split as plain JSON: written into a run, and read again for the same photos with every content verified. */
import { realpath } from 'node:fs/promises'
import { sep } from 'node:path'
import { z } from 'zod'
import { RootstockError, refuseUnknown } from '../errors.ts'
import { forEachBounded } from './bytes.ts'
import { allIndices, fileOf, hashOf } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { systemReason } from './failures.ts'
import { defaultsOf, folderDataset } from './image-folder.ts'
import type { ImageFolderOptions } from './image-folder.ts'
import { photoRoot } from './label-source.ts'
import { PARTS } from './layout.ts'
import type { Part } from './layout.ts'
import { counted, isInside, joinPath, printableName } from './names.ts'
import { belowRoot } from './photo-names.ts'
import { tryHash } from './quarantine.ts'
import type { Split } from './split.ts'

const photoSchema = z.object({
  /** Path below the folder, with slashes; where it is not UTF-8, its bytes in base64 after "base64:". */
  file: z.string().min(1).max(8192),
  /** SHA-256 of the content. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Its class. */
  label: z.string(),
  /** Its part of the split. */
  part: z.enum(['train', 'validation', 'test']),
})

const descriptionSchema = z.object({
  /** Version of this form. */
  format: z.literal(1),
  /** Whether the folder was split already. */
  layout: z.enum(['flat', 'split']),
  /** What the labels were read from. */
  source: z.enum(['folders', 'names', 'csv', 'jsonl']),
  /** The classes, in the order of their labels. */
  classNames: z.array(z.string()).min(1),
  /** Every photo. */
  photos: z.array(photoSchema),
})

/** A split without its pictures: what `describeSplit` writes and `splitFrom` reads. */
export type SplitDescription = z.infer<typeof descriptionSchema>

/** The plain JSON of a split: every photo with its path below the folder, content hash, label and part. */
export async function describeSplit(split: Split): Promise<SplitDescription> {
  const photos: SplitDescription['photos'] = []
  for (const part of PARTS) {
    const dataset = split[part]
    for (const index of allIndices(dataset.size)) {
      const label = split.classNames[dataset.labels[index] ?? -1] ?? ''
      photos.push({ file: storedName(split.root, fileOf(dataset, index)), hash: await hashOf(dataset, index), label, part })
    }
  }
  const { layout, source, classNames } = split
  return { format: 1, layout, source, classNames: [...classNames], photos }
}

/** How a stored split is opened again. */
export interface SplitFromOptions {
  /** The parts whose photos are verified and returned; the others are empty. Default: all three. */
  readonly parts?: readonly Part[]
  /** How the pictures are read. */
  readonly folder?: ImageFolderOptions
  /** Hears how many of all photos are hashed. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends it early, with code CANCELED. */
  readonly signal?: AbortSignal
}

/**
 * The split that `describeSplit` described, over the photos below `path`, or beside the table that it names. Code FORMAT where the JSON is not such a description, DATA where a
 * photo is missing, lies outside the folder, or has another content than it had.
 */
export async function splitFrom(json: unknown, path: string, options: SplitFromOptions = {}): Promise<Split> {
  refuseUnknown('splitFrom', options, { parts: true, folder: true, onProgress: true, signal: true })
  const folder = photoRoot(path)
  const description = parsed(json)
  const wanted = new Set(options.parts ?? PARTS)
  const { classNames, layout, source } = description
  const photos = description.photos.filter(({ part }) => wanted.has(part))
  const files = await locate(photos, folder, options.folder?.followLinks === true)
  const dataset = (part: Part): Dataset => {
    const places = photos.flatMap((photo, index) => (photo.part === part ? [index] : []))
    return folderDataset({
      root: folder,
      source,
      notes: [],
      skipped: [],
      classNames,
      defaults: defaultsOf(options.folder ?? {}),
      files: places.map((index) => files[index] ?? Buffer.alloc(0)),
      labels: places.map((index) => classNames.indexOf(photos[index]?.label ?? '')),
    })
  }
  const parts = { train: dataset('train'), validation: dataset('validation'), test: dataset('test') }
  await verify(photos, parts, options)
  return { ...parts, layout, source, root: folder, classNames, notes: [], copies: [], unusable: [] }
}

function parsed(json: unknown): SplitDescription {
  const result = descriptionSchema.safeParse(json)
  if (!result.success) {
    const [issue] = result.error.issues
    const place = issue && issue.path.length > 0 ? `"${issue.path.join('.')}": ` : ''
    throw new RootstockError('FORMAT', `Cannot read the split: ${place}${printableName(issue?.message ?? 'it is no split')}`)
  }
  const { classNames, photos } = result.data
  const odd = photos.find(({ label }) => !classNames.includes(label))
  if (odd)
    throw new RootstockError('FORMAT', `Cannot read the split: "${printableName(odd.file)}" has a class that is not among its classes`)
  return result.data
}

/** The photos' paths, each a regular place below the folder: a stored split may come from anywhere. */
async function locate(photos: SplitDescription['photos'], folder: string, followLinks: boolean): Promise<Buffer[]> {
  const root = await realPath(Buffer.from(folder))
  if (!root) throw new RootstockError('DATA', `Cannot read "${printableName(folder)}": there is no such folder`)
  const files = new Array<Buffer>(photos.length)
  const missing: string[] = []
  await forEachBounded(photos.length, async (index) => {
    const name = photos[index]?.file ?? ''
    const file = joinPath(Buffer.from(folder), bytesOfName(name))
    if (isOutside(name)) throw outside(name)
    const real = await realPath(file)
    if (real && !followLinks && !isInside(real, root))
      throw outside(name, 'It is a link, or in a folder that is one, which is followed with --follow-links, in code followLinks')
    if (!real) missing.push(name)
    files[index] = file
  })
  const [first] = missing.sort()
  if (first === undefined) return files
  throw changed(folder, `missing: ${counted(missing.length, 'photo')}, such as "${printableName(first)}"`)
}

async function verify(
  photos: SplitDescription['photos'],
  parts: Readonly<Record<Part, Dataset>>,
  { onProgress, signal }: SplitFromOptions,
): Promise<void> {
  const places = PARTS.flatMap((part) => photos.filter((photo) => photo.part === part).map((photo, index) => ({ photo, part, index })))
  const found: string[] = []
  let done = 0
  const work = async (place: number): Promise<void> => {
    const entry = places[place]
    if (!entry) return
    const result = await tryHash(parts[entry.part], entry.index)
    if (!result.ok || result.hash !== entry.photo.hash) found.push(entry.photo.file)
    onProgress?.(++done, places.length)
  }
  await forEachBounded(places.length, work, { signal })
  const [first] = found.sort()
  if (first !== undefined)
    throw changed('the folder', `changed since the split was made: ${counted(found.length, 'photo')}, such as "${printableName(first)}"`)
}

function changed(folder: string, found: string): RootstockError {
  const shown = folder === 'the folder' ? folder : `"${printableName(folder)}"`
  return new RootstockError('DATA', `Cannot use the split with ${shown}: ${found}`, {
    hint: 'Give the folder that the split was made from, with its photos as they were, or train again',
  })
}

const BASE64 = 'base64:'

function storedName(root: string, file: Buffer): string {
  const name = belowRoot(root, file)
  const text = name.toString('utf8')
  const isPlain = Buffer.from(text).equals(name) && !text.startsWith(BASE64)
  return isPlain ? text.replaceAll(sep, '/') : BASE64 + name.toString('base64')
}

function bytesOfName(name: string): Buffer {
  return name.startsWith(BASE64) ? Buffer.from(name.slice(BASE64.length), 'base64') : Buffer.from(name.replaceAll('/', sep))
}

function isOutside(name: string): boolean {
  const text = bytesOfName(name).toString('latin1')
  const absolute = process.platform === 'win32' ? /^([/\\]|[a-z]:)/i : /^\//
  return text.includes('\0') || absolute.test(text) || text.split(/[/\\]/).includes('..')
}

function outside(name: string, hint?: string): RootstockError {
  return new RootstockError(
    'DATA',
    `Cannot use the split: "${printableName(name)}" lies outside the folder`,
    hint === undefined ? {} : { hint },
  )
}

async function realPath(path: Buffer): Promise<Buffer | undefined> {
  try {
    return await realpath(path, { encoding: 'buffer' })
  } catch (error) {
    if (systemReason(error) === undefined) throw error
    return undefined
  }
}
