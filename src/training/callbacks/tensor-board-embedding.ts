/** @file Photos as points in the space of a layer's output, for TensorBoard's Projector tab. */
import { maxSprite, writeProjector, type Embedding, type Sprite } from '../../formats/tensorboard/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { TrainingControl } from '../callback.ts'

export interface EmbeddingSettings {
  readonly photos: Tensor<'float32'> | undefined
  readonly layer: string | undefined
  readonly labels: Embedding['labels']
}

/** Longest side of a thumbnail, in pixels. */
const thumbnailSize = 64

/** Computes the points and writes the tab's files into `folder`; those of the last time are replaced. */
export async function writeEmbedding(
  folder: string,
  { photos, layer, labels }: EmbeddingSettings,
  control: TrainingControl,
): Promise<void> {
  if (!photos) return
  const points = await control.model.activations(photos, layer)
  await writeProjector(folder, { name: layer ?? 'features', points, labels, sprite: thumbnailsOf(photos) })
}

/** Small copies of photos whose numbers were prepared for a network: the range that they have becomes black to white. */
export function thumbnailsOf({ data, shape }: Tensor<'float32'>): Sprite | undefined {
  const [count = 0, height = 0, width = 0, channels = 0] = shape
  if (shape.length !== 4 || (channels !== 1 && channels !== 3)) return undefined
  const room = Math.min(thumbnailSize, Math.floor(maxSprite / Math.ceil(Math.sqrt(count))))
  const scale = Math.min(1, room / Math.max(height, width))
  const [h, w] = [Math.max(1, Math.floor(height * scale)), Math.max(1, Math.floor(width * scale))]
  const { least, range } = rangeOf(data)
  const pixels = Array.from({ length: count }, (_, i) => {
    const thumbnail = new Uint8Array(h * w * 3)
    for (let y = 0, at = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        for (let c = 0; c < 3; c++, at++) {
          const from = ((i * height + Math.floor((y + 0.5) / scale)) * width + Math.floor((x + 0.5) / scale)) * channels
          thumbnail[at] = Math.round(((data[from + (channels === 3 ? c : 0)]! - least) / range) * 255)
        }
    return thumbnail
  })
  return { pixels, width: w, height: h }
}

function rangeOf(data: Float32Array): { least: number; range: number } {
  let [least, most] = [Infinity, -Infinity]
  for (let i = 0; i < data.length; i++) {
    least = Math.min(least, data[i]!)
    most = Math.max(most, data[i]!)
  }
  return { least, range: most - least || 1 }
}
