/** @file Writes a classifier as one file, classifier.onnx, that any ONNX runtime opens and that carries everything it needs. */
import { basename } from 'node:path'
import { RootstockError } from '../../errors.ts'
import { atomicWriteWith, writePieces, type TemporaryFile } from '../../files/index.ts'
import { checkFileSize, onnxGraph } from '../../formats/onnx/index.ts'
import { preprocess } from '../../image/index.ts'
import { metadataBytes, onnxPieces, readOnnxGraph, type OnnxContent } from '../../onnx/index.ts'
import type { Graph } from '../../graph/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { byteTrunkOf, isLargeNetwork, withByteTrunk, type Model, type TrainingEvent } from '../../training/index.ts'
import type { Classifier } from '../classifier.ts'
import type { TrainReport } from '../options.ts'
import { version } from '../version.ts'
import { stepEvents } from '../work-progress.ts'
import { artifactFormat, writeMetadata, type ArtifactMetadata } from './metadata.ts'
import { ArtifactNetwork } from './network.ts'
import { photoGraph } from './photo-graph.ts'
import { compareSamples, readSamples, samplePictures, type SamplePicture } from './samples.ts'

/** What an artifact can be stored in. */
export type ArtifactPrecision = 'float32' | 'float16' | 'int8'

/** Options of `writeArtifact`. */
export interface WriteArtifactOptions {
  /**
   * What weights and arithmetic are stored in; input and output are float32 either way. 'int8' is for classifiers that compute so. Default
   * 'int8' for those, else 'float32'.
   */
  readonly precision?: ArtifactPrecision
  /** When the training ended. Default now. */
  readonly created?: Date
  /** Hears how far it is. */
  readonly onEvent?: (event: TrainingEvent) => void
}

/** What only this package asks for. */
interface Comparing {
  /** Say of an int8 file how far its answers are from those in float32, too. */
  readonly comparesFloat?: boolean
}

/** What was written. */
export interface WrittenArtifact {
  readonly path: string
  readonly bytes: number
  readonly precision: ArtifactPrecision
  /** The largest difference of a probability between the file and the classifier, over the parity samples. */
  readonly difference: number
  /** The most that counts as the same answer. */
  readonly tolerance: number
  /** int8, where it was asked for: the largest difference of a probability between the file and the classifier in float32, over the same samples. */
  readonly floatDifference?: number
}

/**
 * The largest difference of a probability that counts as the same answer: processors add in other orders (about 1e-6), and half precision
 * has 11 bits (MobileNet 0.25 on noise: 0.015); 8-bit numbers that lie between two steps may go either way.
 */
export const tolerances = { float32: 1e-4, float16: 0.05, int8: 0.05 } as const

/**
 * Writes `classifier.onnx`: input `photo` float32 [N, size, size, 3], red first, 0 to 255, output `probabilities` [N, classes]. The file is
 * opened again and its answers compared with the classifier's before it takes its place. Throws USAGE where float16 does not hold the
 * network, FILE when the file cannot be written.
 */
export async function writeArtifact(
  classifier: Classifier,
  path: string,
  options: WriteArtifactOptions & Comparing = {},
): Promise<WrittenArtifact> {
  const { model, reading } = classifier
  const { precision = byteTrunkOf(model) ? 'int8' : 'float32', created = new Date() } = options
  const step = stepEvents(options.onEvent, `Writing ${basename(path)}`, 5)
  await step()
  const network = networkGraph(model, precision, [reading.size, reading.size, 3])
  const pieces = onnxPieces(photoGraph(network, reading.preprocessing, precision === 'int8'), { producerVersion: version })
  const pictures = await samplePictures()
  const photos = await readSamples(pictures, reading)
  const prepared = preprocess(photos, reading.preprocessing)
  const isLarge = precision === 'float32' && isLargeNetwork(network)
  // Each photo that is computed at the same time takes tens of megabytes more.
  const together = isLarge ? { batchSize: 1 } : {}
  const expected = await model.predict(prepared, { ...together, ...(precision === 'int8' ? {} : { precision: 'fp32' }) })
  const metadata = describe(classifier, { precision, created: created.toISOString(), pictures, expected })
  const { tolerance } = metadata.parity
  // Memory need not hold a large network twice: it is compared as it lies in the file, while the model holds no program.
  if (isLarge) await model.dispose()
  await step()
  let [bytes, difference] = [0, NaN]
  const fill = async (file: TemporaryFile): Promise<void> => {
    checkFileSize(pieces.length, model.name)
    const end = await writePieces(file, pieces)
    await step()
    const { graph, digest } = readBack(file, path, isLarge)
    await step()
    difference = await differenceOf(new ArtifactNetwork(graph, classifier.network, together), photos, metadata)
    await step()
    if (!(difference <= tolerance)) throw tooFar(classifier.network, precision, { difference, tolerance })
    bytes = await writePieces(file, [metadataBytes(writeMetadata(metadata, digest))], end)
    checkFileSize(bytes, model.name)
  }
  await atomicWriteWith(path, fill, { needed: pieces.length })
  const written = { path, bytes, precision, difference, tolerance }
  if (precision !== 'int8' || !options.comparesFloat) return written
  const inFloat = await model.predict(prepared, { precision: 'fp32' })
  return { ...written, floatDifference: inFloat.data.reduce((most, p, i) => Math.max(most, Math.abs(p - expected.data[i]!)), 0) }
}

/** What lies in the file; where it is large its numbers stay there. */
function readBack(file: TemporaryFile, path: string, isLarge: boolean): OnnxContent {
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  return readOnnxGraph(bytes, path, isLarge ? (into, from) => void file.read(into, from) : undefined)
}

/** Throws USAGE for 8 bits where the classifier does not compute so. */
function networkGraph(model: Model, precision: ArtifactPrecision, inputShape: readonly number[]): Graph {
  if (precision !== 'int8') return onnxGraph(model, { precision, inputShape })
  const trunk = byteTrunkOf(model)
  const graph = trunk && withByteTrunk(trunk, onnxGraph(model, { inputShape }))
  if (graph) return graph
  throw new RootstockError('USAGE', `Cannot write ${model.name} in int8: it computes in float32, expected a classifier trained in int8`, {
    hint: 'Train with --precision int8, or give photos to choose 8-bit ranges from: --photos FOLDER',
  })
}

async function differenceOf(network: ArtifactNetwork, photos: Tensor<'float32'>, metadata: ArtifactMetadata): Promise<number> {
  try {
    return compareSamples(metadata, await network.predict(photos)).reduce((most, { difference }) => Math.max(most, difference), 0)
  } finally {
    await network.dispose()
  }
}

interface Written {
  readonly precision: ArtifactPrecision
  readonly created: string
  readonly pictures: readonly SamplePicture[]
  readonly expected: Tensor<'float32'>
}

function describe(classifier: Classifier, { precision, created, pictures, expected }: Written): ArtifactMetadata {
  const { classNames, wnids, network, reading, report } = classifier
  const { size, interpolation, exif, preprocessing } = reading
  const width = expected.shape[1] ?? 0
  return {
    format: artifactFormat,
    description:
      `Image classifier (${network}, ${classNames.length} classes). Input photo: float32 [N, ${size}, ${size}, 3], red first, 0 to 255, ` +
      `resized by ${interpolation}${exif === 'apply' ? ' after the EXIF turn' : ''}. Output probabilities: one for each of class_names.`,
    network,
    rootstock_version: version,
    created,
    precision,
    class_names: [...classNames],
    ...(wnids ? { wnids: [...wnids] } : {}),
    preprocessing: {
      size: [size, size],
      interpolation,
      exif,
      inside_graph: preprocessing,
      channel_order: 'rgb',
      layout: 'NHWC',
      range: [0, 255],
    },
    temperature: { value: 1, calibrated: false },
    metrics: report ? metricsOf(report) : null,
    parity: {
      tolerance: tolerances[precision],
      samples: pictures.map(({ name, bytes }, i) => ({
        name,
        picture: Buffer.from(bytes).toString('base64'),
        probabilities: [...expected.data.subarray(i * width, (i + 1) * width)],
      })),
    },
  }
}

function metricsOf({ test, best, images, epochs }: TrainReport): ArtifactMetadata['metrics'] {
  const { epoch, valLoss, valAccuracy } = best
  return {
    test: test && { accuracy: test.accuracy, loss: test.loss, images: images.test },
    best: valLoss !== null && valAccuracy !== null && Number.isFinite(valLoss) ? { epoch, valLoss, valAccuracy } : null,
    images: { train: images.train, validation: images.validation, test: images.test },
    epochs,
  }
}

function tooFar(network: string, precision: string, found: { difference: number; tolerance: number }): RootstockError {
  const { difference, tolerance } = found
  return new RootstockError(
    'USAGE',
    `Cannot write ${network} in ${precision}: its answers differ by ${difference.toPrecision(2)} from the classifier's, expected at most ${tolerance}`,
    precision === 'float16' ? { hint: 'Export in float32' } : {},
  )
}
