/** @file Before a run in int8: gives the model an 8-bit trunk where it is close enough to float32, and says which it became. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { RootstockError, messageOf } from '../../errors.ts'
import { featureFolder, hashAll, readAll, type Dataset } from '../../data/index.ts'
import { makeFolder } from '../../files/index.ts'
import { graphHash, type Graph } from '../../graph/index.ts'
import type { Functional } from '../../models/index.ts'
import { rows, type Tensor } from '../../tensor/index.ts'
import type { TrainingEvent } from '../events.ts'
import type { Opened } from '../run-data.ts'
import { byteTrunkOf, useByteTrunk, type ByteTrunk } from './byte-trunk.ts'
import { leastCosine, makeByteTrunk, type SamplePhotos } from './make-byte-trunk.ts'
import { readByteTrunk, writeByteTrunk } from './trunk-file.ts'

/** Photos looked at; two of three give the ranges, the others are compared. */
const samplePhotos = 48

export interface Settling {
  readonly model: Functional
  /** The float trunk; undefined where nothing is frozen. */
  readonly trunk: Graph | undefined
  readonly opened: Opened
  /** Keep the trunk on disk for later runs. */
  readonly isStored: boolean
  readonly emit: (event: TrainingEvent) => void
  readonly signal?: AbortSignal | undefined
}

/** Goes on in float32, with a warning, where the trunk cannot be quantized or its features would differ too much. Throws USAGE for streams. */
export async function settlePrecision(settling: Settling): Promise<void> {
  const { model, trunk, opened, emit } = settling
  if (opened.kind === 'stream') {
    throw new RootstockError('USAGE', 'Cannot choose 8-bit ranges from a stream: expected tensors or photos (imageFolder)', {
      hint: "Leave precision: 'int8' out",
    })
  }
  if (!trunk || trunk.outputs.some((value) => trunk.inputs.includes(value))) return refuse(settling, 'no layer that computes is frozen')
  if (!trunk.nodes.some(({ op }) => op === 'Conv')) return refuse(settling, 'none of the frozen layers is a convolution')
  if (byteTrunkOf(model)?.source === graphHash(trunk)) return
  const made = await madeOrStored(settling, trunk)
  const { method, cosine } = made.agreement
  const figures = `cosine ${cosine.mean.toFixed(4)} on average, ${cosine.min.toFixed(4)} at least`
  if (!(cosine.mean >= leastCosine)) return refuse(settling, `its features would differ too much (${figures}, expected ${leastCosine})`)
  useByteTrunk(model, made)
  emit({ type: 'message', message: `The frozen part computes in int8: features as in float32 (${figures}; ${method})`, by: 'int8' })
}

function refuse({ model, emit }: Settling, reason: string): void {
  useByteTrunk(model, undefined)
  emit({ type: 'warning', message: `Going on in float32 instead of int8: ${reason}`, by: 'int8' })
}

async function madeOrStored(settling: Settling, trunk: Graph): Promise<ByteTrunk> {
  const { photos, key } = await sampleOf(settling, graphHash(trunk))
  if (photos.comparison.length === 0) throw new RootstockError('DATA', 'Cannot choose 8-bit ranges: none of the photos can be read')
  const onProgress = progressOf(settling)
  if (!key || !settling.isStored) return makeByteTrunk(trunk, photos, onProgress)
  const folder = join(featureFolder(), '..', 'int8')
  const path = join(folder, `${key}.onnx`)
  const stored = await readByteTrunk(path).catch(() => undefined)
  // Another session, or another model of this one, may have called its layers otherwise.
  if (stored) return { ...stored, features: trunk.outputs.map(({ name }) => name) }
  const made = await makeByteTrunk(trunk, photos, onProgress)
  try {
    makeFolder(folder)
    await writeByteTrunk(path, made)
  } catch (error) {
    settling.emit({ type: 'warning', message: `Going on without keeping the 8-bit trunk: ${messageOf(error)}`, by: 'int8' })
  }
  return made
}

function progressOf({ emit, signal }: Settling): (done: number, total: number) => void {
  const started = performance.now()
  return (done, total) => {
    signal?.throwIfAborted()
    emit({
      type: 'workProgress',
      label: 'Choosing 8-bit ranges',
      done,
      total,
      unit: 'photos',
      seconds: (performance.now() - started) / 1000,
    })
  }
}

/** Photos from all over the data, and a key for what is made of them; no key where their content has no hash. */
async function sampleOf({ opened, signal }: Settling, source: string): Promise<{ photos: SamplePhotos; key: string | undefined }> {
  if (opened.kind === 'stream') return { photos: { calibration: [], comparison: [] }, key: undefined }
  const size = opened.kind === 'pair' ? (opened.pair.x.shape[0] ?? 0) : opened.dataset.size
  const count = Math.min(size, samplePhotos)
  const indices = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * size) / count))
  if (opened.kind === 'pair') return { photos: parted(indices.map((i) => rows(opened.pair.x, i, i + 1))), key: undefined }
  const { dataset, how } = opened
  const tensors: Tensor<'float32'>[] = []
  for await (const { result } of readAll(dataset, indices, how, signal ? { signal } : {})) {
    if (result.ok) tensors.push({ ...result.tensor, shape: [1, ...result.tensor.shape] })
  }
  return { photos: parted(tensors), key: await keyOf(dataset, indices, JSON.stringify([4, source, how])) }
}

/** Every third photo is compared; a single one must do for both. */
function parted(photos: readonly Tensor<'float32'>[]): SamplePhotos {
  if (photos.length < 3) return { calibration: photos, comparison: photos }
  return { calibration: photos.filter((_, i) => i % 3 !== 2), comparison: photos.filter((_, i) => i % 3 === 2) }
}

async function keyOf(dataset: Dataset, indices: readonly number[], how: string): Promise<string | undefined> {
  if (!dataset.hash) return undefined
  const hash = createHash('sha256').update(how)
  for (const found of await hashAll(dataset, { indices })) hash.update(found ?? '-')
  return hash.digest('hex')
}
