/** @file Whether this machine gives the answers of a classifier.onnx: its parity samples, replayed. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { engine, type EngineName } from '../engine/index.ts'
import { shellPath } from '../files/index.ts'
import { ArtifactNetwork } from './artifact/network.ts'
import { readArtifact } from './artifact/read-artifact.ts'
import { compareSamples, readSamples, storedPictures, type SampleResult } from './artifact/samples.ts'
import { isRunFolder, runFiles } from './run-folder.ts'

/** How a check of a classifier came out. */
export interface ClassifierCheck {
  /** The artifact. */
  readonly path: string
  /** The network that it stands on. */
  readonly network: string
  /** Number of classes. */
  readonly classes: number
  /** What it computes in. */
  readonly precision: 'float32' | 'float16' | 'int8'
  /** Where the samples ran. */
  readonly engine: EngineName
  /** The content is that which was written, to the last bit. */
  readonly intact: boolean
  /** The parity samples, one by one. */
  readonly samples: readonly SampleResult[]
  /** The largest difference of a probability. */
  readonly difference: number
  /** The greatest difference of a probability that is allowed. */
  readonly tolerance: number
  /** The content is intact and every sample within the tolerance. */
  readonly same: boolean
}

/**
 * Replays the parity samples of a classifier.onnx, or of the one in a run's folder. Throws FILE and FORMAT where it cannot be read, USAGE
 * for files without samples.
 */
export async function checkClassifier(model: string): Promise<ClassifierCheck> {
  const path = await artifactOf(model)
  const { graph, metadata, isIntact } = await readArtifact(path)
  const { preprocessing, network, class_names: classes, precision, parity } = metadata
  const { size, interpolation, exif } = preprocessing
  const runner = new ArtifactNetwork(graph, network)
  try {
    const photos = await readSamples(storedPictures(metadata), { size: size[0], interpolation, exif, preprocessing: 'none' })
    const samples = compareSamples(metadata, await runner.predict(photos))
    const difference = samples.reduce((most, sample) => Math.max(most, sample.difference), 0)
    const same = isIntact && samples.every((sample) => sample.same)
    const { tolerance } = parity
    return {
      path,
      network,
      classes: classes.length,
      precision,
      engine: engine().name,
      intact: isIntact,
      samples,
      difference,
      tolerance,
      same,
    }
  } finally {
    await runner.dispose()
  }
}

async function artifactOf(model: string): Promise<string> {
  const found = await stat(model).catch(() => undefined)
  if (!found) throw new RootstockError('FILE', `Cannot check ${model}: there is no such file or folder`)
  if (found.isDirectory()) {
    const path = join(model, runFiles.classifier)
    if (await stat(path).catch(() => undefined)) return path
    throw new RootstockError('FILE', `Cannot check ${model}: it holds no ${runFiles.classifier}`, {
      hint: (await isRunFolder(model))
        ? `rootstock export ${shellPath(model)} ${shellPath(path)} writes it`
        : 'Give the folder of a run, or a classifier.onnx',
    })
  }
  if (model.endsWith('.onnx')) return model
  throw new RootstockError('USAGE', `Cannot check ${model}: expected a classifier.onnx, which holds parity samples`, {
    hint: /(?<!\.weights)\.(keras|h5)$/.test(model)
      ? `rootstock export ${shellPath(model)} classifier.onnx writes one`
      : 'Give the folder of a run, or a classifier.onnx',
  })
}
