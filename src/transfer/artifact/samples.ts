/** @file Parity samples: small pictures inside an artifact, with the probabilities that they must give everywhere. */
import { drawAnimal, encodePng, load } from '../../image/index.ts'
import { random, stack, type Tensor } from '../../tensor/index.ts'
import type { PhotoReading } from '../classifier.ts'
import type { ArtifactMetadata } from './metadata.ts'

/** A picture file of less than 4 KB. */
export interface SamplePicture {
  readonly name: string
  readonly bytes: Uint8Array
}

/** How one sample came out on this machine. */
export interface SampleResult {
  readonly name: string
  /** The largest difference of a probability. */
  readonly difference: number
  readonly same: boolean
}

/** Two drawn photos as JPEG (they try the decoder too), a slope and noise as PNG. The bytes are stored, so they need not be made alike elsewhere. */
export async function samplePictures(): Promise<SamplePicture[]> {
  return [
    { name: 'drawn cat (JPEG)', bytes: await drawAnimal('cat', 1, 48) },
    { name: 'drawn dog (JPEG)', bytes: await drawAnimal('dog', 1, 48) },
    { name: 'slopes (PNG)', bytes: await encodePng({ data: slopes(40, 24), width: 40, height: 24 }) },
    { name: 'noise (PNG)', bytes: await encodePng({ data: noise(24, 32), width: 24, height: 32 }) },
  ]
}

/** The pictures as a classifier reads photos, before preprocessing: [n, size, size, 3]. */
export async function readSamples(pictures: readonly SamplePicture[], reading: PhotoReading): Promise<Tensor<'float32'>> {
  const { size, interpolation, exif } = reading
  return stack(await Promise.all(pictures.map(({ bytes }) => load(bytes, { targetSize: [size, size], interpolation, exif }))))
}

/** The pictures of an artifact. */
export function storedPictures({ parity }: ArtifactMetadata): SamplePicture[] {
  return parity.samples.map(({ name, picture }) => ({ name, bytes: Buffer.from(picture, 'base64') }))
}

/** Compares probabilities [n, classes] with those of the artifact. NaN is never the same. */
export function compareSamples({ parity }: Pick<ArtifactMetadata, 'parity'>, found: Tensor<'float32'>): SampleResult[] {
  const width = found.shape[1] ?? 0
  return parity.samples.map(({ name, probabilities }, i) => {
    const differences = probabilities.map((expected, c) => Math.abs(expected - (found.data[i * width + c] ?? NaN)))
    const difference = differences.reduce((a, b) => Math.max(a, b), 0)
    return { name, difference, same: difference <= parity.tolerance }
  })
}

function slopes(width: number, height: number): Uint8Array {
  const at = (i: number): readonly [number, number] => [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = at(i)
    return [Math.round((255 * x) / (width - 1)), Math.round((255 * y) / (height - 1)), (x >> 2) % 2 === (y >> 2) % 2 ? 220 : 30][i % 3] ?? 0
  })
}

function noise(width: number, height: number): Uint8Array {
  const r = random('parity/noise')
  return Uint8Array.from({ length: width * height * 3 }, () => r.integer(256))
}
