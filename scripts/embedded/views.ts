/** @file Batches of crops with what the teacher said of them. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { random } from '../../src/tensor/index.ts'
import type { Tensor } from '../../src/tensor/index.ts'
import { cropBox, pictureOf, writeCrop } from './crop.ts'
import { CLASSES, SMALL_CLASSES, TARGETS, type Standard } from './distillation.ts'
import { filesOf, sources, type SourceRow } from './folders.ts'
import { TEACHER_FEATURES } from './teach.ts'

/** Spread over all classes, of the true one's share. */
const SMOOTHING = 0.1

/** A source in memory. */
export interface Views {
  readonly row: SourceRow
  readonly pixels: Uint8Array
  readonly labels: Int16Array
  readonly features: Float32Array
  readonly pictures: number
  readonly crops: number
  /** The teacher has described all crops. */
  readonly complete: boolean
}

/** One crop of one source. */
export interface View {
  readonly views: Views
  readonly number: number
}

/** Reads a source; as many crops as the teacher has described so far. */
export function openViews(work: string, name: SourceRow['name']): Views {
  const row = sources.find((source) => source.name === name)
  if (!row) throw new Error(`There is no source ${name}`)
  const files = filesOf(work, name)
  const labels = new Int16Array(bytesOf(files.labels).buffer)
  const complete = existsSync(files.features)
  const described = bytesOf(complete ? files.features : `${files.features}.part`)
  const crops = Math.floor(described.length / 4 / TEACHER_FEATURES)
  const features = new Float32Array(described.buffer, 0, crops * TEACHER_FEATURES)
  return { row, pixels: bytesOf(files.pixels), labels, features, pictures: labels.length, crops, complete }
}

/** A file in an array of its own, so that it can be seen as numbers of any width. */
function bytesOf(path: string): Uint8Array {
  const bytes = new Uint8Array(statSync(path).size)
  const file = openSync(path, 'r')
  for (let at = 0; at < bytes.length;) at += readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 28), at)
  closeSync(file)
  return bytes
}

/** Mean and deviation of the teacher's features over a source. */
export function standardOf({ features, crops }: Views): Standard {
  const mean = new Float64Array(TEACHER_FEATURES)
  const square = new Float64Array(TEACHER_FEATURES)
  for (let i = 0; i < features.length; i++) {
    mean[i % TEACHER_FEATURES]! += features[i]! / crops
    square[i % TEACHER_FEATURES]! += features[i]! ** 2 / crops
  }
  const deviation = square.map((sum, i) => Math.sqrt(Math.max(sum - mean[i]! ** 2, 1e-4)))
  return { mean: Float32Array.from(mean), deviation: Float32Array.from(deviation) }
}

/** Crops of one batch: sources by their shares, every one mirrored half of the time. The same step gives the same batch. */
export function drawViews(
  mixture: readonly { views: Views; share: number }[],
  count: number,
  step: number,
): { views: View[]; flips: boolean[] } {
  const rng = random(`batch/${step}`)
  const views = Array.from({ length: count }, (): View => {
    let at = rng.uniform() * mixture.reduce((sum, { share }) => sum + share, 0)
    const chosen = mixture.find(({ share }) => (at -= share) < 0) ?? mixture[0]
    if (!chosen) throw new Error('There is no source to draw from')
    return { views: chosen.views, number: rng.integer(chosen.views.crops) }
  })
  return { views, flips: views.map(() => rng.uniform() < 0.5) }
}

export interface BatchOptions {
  readonly size: number
  readonly flips: readonly boolean[]
  readonly standard: Standard
  /** Otherwise the kinds of flowers are left out. */
  readonly tellsKinds?: boolean | undefined
}

/** Pictures [n, size, size, 3] and targets [n, 461]. */
export function batchOf(
  views: readonly View[],
  { size, flips, standard, tellsKinds = false }: BatchOptions,
): { x: Tensor<'float32'>; y: Tensor<'float32'> } {
  const x = new Float32Array(views.length * size * size * 3)
  const y = new Float32Array(views.length * TARGETS)
  for (const [i, { views: source, number }] of views.entries()) {
    const { row, pixels, labels, features, pictures } = source
    const picture = pictureOf(number, pictures)
    const target = { size, flip: flips[i] ?? false, offset: i * size * size * 3 }
    writeCrop(x, pixels, picture * row.side * row.side * 3, { box: cropBox(row.name, number, row), side: row.side, target })
    const told = labels[picture] ?? -1
    const label = told >= SMALL_CLASSES && !tellsKinds ? -1 : told
    writeTarget(y.subarray(i * TARGETS, (i + 1) * TARGETS), features.subarray(number * TEACHER_FEATURES), label, standard)
  }
  return {
    x: { data: x, shape: [views.length, size, size, 3], dtype: 'float32' },
    y: { data: y, shape: [views.length, TARGETS], dtype: 'float32' },
  }
}

function writeTarget(into: Float32Array, features: Float32Array, label: number, { mean, deviation }: Standard): void {
  for (let k = 0; k < TEACHER_FEATURES; k++) into[k] = (features[k]! - mean[k]!) / deviation[k]!
  if (label < 0) return
  into.fill(SMOOTHING / CLASSES, TEACHER_FEATURES)
  into[TEACHER_FEATURES + label]! += 1 - SMOOTHING
}

/** The first crops of a source, unmirrored, in batches of `count`. */
export function* inOrder(views: Views, count: number): Generator<View[]> {
  for (let start = 0; start + count <= views.crops; start += count) {
    yield Array.from({ length: count }, (_, i) => ({ views, number: start + i }))
  }
}
