/**
 * @file Writes a file again that this process wrote before: training saves the same weights over and over, of which most are frozen. The new
 * file is a copy of the old one in which only those datasets are written that changed; its bytes are those of a file written anew.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { TemporaryFile } from '../../files/index.ts'
import { sizeOf } from '../../tensor/index.ts'
import { openHdf5 } from './hdf5.ts'
import type { H5Group } from './h5-walk.ts'
import type { H5Content, H5Writer } from './h5-writer.ts'

/** One thing to write. */
export type H5Step =
  | { readonly kind: 'group'; readonly path: string }
  | { readonly kind: 'attribute'; readonly path: string; readonly name: string; readonly value: string | readonly string[] }
  | { readonly kind: 'dataset'; readonly path: string; readonly content: H5Content }

/** What a file shall hold, without its numbers. */
export interface H5Plan {
  readonly steps: readonly H5Step[]
  /** Everything but numbers: equal ones make files of equal layout. */
  readonly outline: string
  readonly datasets: ReadonlyMap<string, H5Content>
}

/** Notes what `build` wants to write. */
export function planOf(build: (writer: H5Writer) => void): H5Plan {
  const steps: H5Step[] = []
  build({
    group: (path) => void steps.push({ kind: 'group', path }),
    attribute: (path, name, value) => void steps.push({ kind: 'attribute', path, name, value }),
    dataset: (path, content) => void steps.push({ kind: 'dataset', path, content }),
  })
  const outline = steps.map((step) => (step.kind === 'dataset' ? [step.path, step.content.shape] : step))
  const datasets = steps.flatMap((step) => (step.kind === 'dataset' ? [[step.path, step.content] as const] : []))
  return { steps, outline: JSON.stringify(outline), datasets: new Map(datasets) }
}

/** A file that was written. */
export interface Written {
  readonly outline: string
  readonly versions: ReadonlyMap<string, string | undefined>
  /** Where datasets lie, once somebody looked; copies and files of the same outline have them in the same places. */
  places?: ReadonlyMap<string, number> | undefined
  /** As the file system has it: whoever changes the file changes this. */
  readonly stamp: string
}

/** By path, the latest last. */
const written = new Map<string, Written>()
const REMEMBERED = 8
/** Bytes that are copied at once: they stay in the cache of a processor. */
const PIECE = 2 ** 18

/** Remembers what was just written. */
export function remember(path: string, { outline, datasets }: H5Plan): void {
  const key = resolve(path)
  const before = written.get(key)
  const places = before?.outline === outline ? before.places : undefined
  written.delete(key)
  const stamp = stampOf(path)
  if (stamp === undefined) return
  written.set(key, { outline, stamp, places, versions: new Map(Array.from(datasets, ([place, { version }]) => [place, version])) })
  const [oldest] = written.keys()
  if (written.size > REMEMBERED && oldest !== undefined) written.delete(oldest)
}

/** What is known of the file, if it is still what this process wrote there, with the same layout. */
export function knownFile(path: string, { outline }: H5Plan): Written | undefined {
  const known = written.get(resolve(path))
  return known?.outline === outline && known.stamp === stampOf(path) ? known : undefined
}

/** Fills the new file. False, with nothing written, where the old one cannot be read or keeps a dataset otherwise than in one piece. */
export function fillAgain(file: TemporaryFile, path: string, { datasets, known }: Pick<H5Plan, 'datasets'> & { known: Written }): boolean {
  const places = (known.places ??= addressesIn(path))
  if (!places) return false
  const changed = [...datasets].filter(([place, { version }]) => version === undefined || version !== known.versions.get(place))
  if (changed.some(([place, { shape }]) => places.get(place) === undefined && sizeOf(shape) > 0)) return false
  copy(path, file)
  for (const [place, content] of changed) {
    const { data } = content.tensor
    const at = places.get(place)
    if (at !== undefined) file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
  }
  return true
}

function addressesIn(path: string): Map<string, number> | undefined {
  try {
    const file = openHdf5(path)
    file.close()
    return new Map(contiguous(file.root))
  } catch {
    return undefined
  }
}

function* contiguous(group: H5Group): Generator<[path: string, address: number]> {
  for (const child of group.children.values()) {
    if (child.kind === 'group') yield* contiguous(child)
    else if (child.layout.storage === 'contiguous' && Number.isFinite(child.layout.address)) yield [child.path, child.layout.address]
  }
}

function copy(from: string, to: TemporaryFile): void {
  const source = openSync(from, 'r')
  try {
    const piece = Buffer.alloc(PIECE)
    for (let at = 0; ;) {
      const count = readSync(source, piece, 0, PIECE, at)
      if (count === 0) return
      to.write(piece.subarray(0, count), at)
      at += count
    }
  } finally {
    closeSync(source)
  }
}

function stampOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join('/')
}
