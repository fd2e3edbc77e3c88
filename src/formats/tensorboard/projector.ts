/** @file The files of the Projector tab: points, their labels, and a sheet of thumbnails. */
import { join } from 'node:path'
import { RootstockError } from '../../errors.ts'
import { atomicWrite } from '../../files/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { encodePng } from './images.ts'

/** Points with what belongs to each. */
export interface Embedding {
  /** Of the tensor, as the tab shows it. */
  readonly name: string
  /** [points, values] */
  readonly points: Tensor<'float32'>
  /** One label for each point, or several columns of them by title. */
  readonly labels?: readonly string[] | Readonly<Record<string, readonly string[]>> | undefined
  /** One picture for each point, in one sheet. */
  readonly sprite?: Sprite | undefined
}

/** Thumbnails, one for each point. */
export interface Sprite {
  /** RGB bytes of all thumbnails, each `width` × `height` pixels. */
  readonly pixels: readonly Uint8Array[]
  /** Of one picture, in pixels. */
  readonly width: number
  /** Of one picture, in pixels. */
  readonly height: number
}

/** Largest side of a sprite that TensorBoard's page takes, in pixels. */
export const maxSprite = 8192

/** Writes `tensors.tsv`, `metadata.tsv`, `sprite.png` and, last, the `projector_config.pbtxt` that names them. Throws SHAPE and FILE. */
export async function writeProjector(folder: string, embedding: Embedding): Promise<void> {
  const { labels, sprite } = embedding
  checkCounts(embedding)
  await atomicWrite(join(folder, 'tensors.tsv'), pointLines(embedding.points))
  if (labels) await atomicWrite(join(folder, 'metadata.tsv'), bytes(metadataText(labels)))
  if (sprite) await atomicWrite(join(folder, 'sprite.png'), await spriteSheet(sprite))
  await atomicWrite(join(folder, 'projector_config.pbtxt'), bytes(configText(embedding)))
}

function checkCounts({ points, labels, sprite }: Embedding): void {
  const count = points.shape[0] ?? 0
  const columns = labels === undefined ? [] : isColumn(labels) ? [labels] : Object.values(labels)
  const counts: [string, number][] = [...columns.map((column): [string, number] => ['labels', column.length])]
  if (sprite) counts.push(['thumbnails', sprite.pixels.length])
  const wrong = counts.find(([, found]) => found !== count)
  if (wrong)
    throw new RootstockError('SHAPE', `Cannot write the embedding: found ${wrong[1]} ${wrong[0]}, expected one for each of ${count} points`)
}

function* pointLines({ data, shape }: Tensor<'float32'>): Generator<Uint8Array> {
  const [count = 0] = shape
  const width = count === 0 ? 0 : data.length / count
  for (let i = 0; i < count; i++) yield bytes(`${data.subarray(i * width, (i + 1) * width).join('\t')}\n`)
}

/** A single column has no title, several have one each. */
function metadataText(labels: NonNullable<Embedding['labels']>): string {
  if (isColumn(labels)) return labels.map((label) => `${clean(label)}\n`).join('')
  const titles = Object.keys(labels)
  const columns = Object.values(labels)
  const rows = (columns[0] ?? []).map((_, i) => columns.map((column) => clean(column[i] ?? '')))
  return [titles.map(clean), ...rows].map((row) => `${row.join('\t')}\n`).join('')
}

function isColumn(labels: NonNullable<Embedding['labels']>): labels is readonly string[] {
  return Array.isArray(labels)
}

/** Tabs and line ends would make new cells. */
function clean(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ')
}

/** A square of thumbnails, row by row. */
async function spriteSheet({ pixels, width, height }: Sprite): Promise<Uint8Array> {
  const across = Math.ceil(Math.sqrt(pixels.length))
  const size = { width: across * width, height: across * height, channels: 3 }
  if (Math.max(size.width, size.height) > maxSprite) {
    throw new RootstockError(
      'SHAPE',
      `Cannot write the sprite: it would be ${size.width} × ${size.height} pixels, expected at most ${maxSprite}`,
      {
        hint: 'Show fewer pictures, or smaller ones',
      },
    )
  }
  const sheet = new Uint8Array(size.width * size.height * 3)
  pixels.forEach((thumbnail, i) => {
    const [left, top] = [(i % across) * width, Math.floor(i / across) * height]
    for (let y = 0; y < height; y++) {
      sheet.set(thumbnail.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * size.width + left) * 3)
    }
  })
  return encodePng(sheet, size)
}

/** Protobuf's text form of ProjectorConfig; its strings are escaped as JSON's are, as far as names need it. */
function configText({ name, labels, sprite }: Embedding): string {
  const lines = [`  tensor_name: ${JSON.stringify(name)}`, '  tensor_path: "tensors.tsv"']
  if (labels) lines.push('  metadata_path: "metadata.tsv"')
  if (sprite) {
    lines.push(
      '  sprite {',
      '    image_path: "sprite.png"',
      `    single_image_dim: ${sprite.width}`,
      `    single_image_dim: ${sprite.height}`,
      '  }',
    )
  }
  return ['embeddings {', ...lines, '}', ''].join('\n')
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text)
}
