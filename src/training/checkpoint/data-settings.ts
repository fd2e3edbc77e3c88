/** @file What the data of a run are, in a few words and hashes, so that a run does not go on with others. */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { Shape } from '../../tensor/index.ts'
import { hashAll } from '../../data/index.ts'
import type { Opened } from '../run-data.ts'

/** By name. All bytes of tensors and of photos count; a stream cannot be looked at before it is read, so nothing is said of one. */
export async function dataSettings(opened: Opened, part: string, signal: AbortSignal | undefined): Promise<Record<string, unknown>> {
  if (opened.kind === 'stream') return {}
  const parts = opened.kind === 'pair' ? pairParts(opened.pair) : await photoParts(opened, signal)
  return Object.fromEntries(Object.entries(parts).map(([name, value]) => [`${name} of the ${part} data`, value]))
}

function pairParts({ x, y, sampleWeight }: Extract<Opened, { kind: 'pair' }>['pair']): Record<string, unknown> {
  const weights = sampleWeight && { data: Float64Array.from(sampleWeight), shape: [sampleWeight.length] }
  return { x: digest(x), y: digest(y), ...(weights && { sampleWeight: digest(weights) }) }
}

async function photoParts(
  { dataset, how }: Extract<Opened, { kind: 'dataset' }>,
  signal: AbortSignal | undefined,
): Promise<Record<string, unknown>> {
  const { size, preprocessing, interpolation = 'nearest', exif = 'apply' } = how
  // The folder may have moved, so its own name does not count.
  const names = dataset.file ? Array.from({ length: dataset.size }, (_, index) => basename(dataset.describe(index))) : []
  return {
    classNames: dataset.classNames,
    size,
    preprocessing,
    interpolation,
    exif,
    labels: digestOfText(dataset.labels.join()),
    names: digestOfText(JSON.stringify(names)),
    content: digestOfText(JSON.stringify(dataset.hash ? await hashAll(dataset, { signal }) : [])),
  }
}

function digest({ shape, data }: { readonly shape: Shape; readonly data: NodeJS.ArrayBufferView }): string {
  return short(createHash('sha256').update(JSON.stringify(shape)).update(data).digest('hex'))
}

const digestOfText = (text: string): string => short(createHash('sha256').update(text).digest('hex'))

const short = (hash: string): string => hash.slice(0, 12)
