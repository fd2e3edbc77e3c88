/** @file Writes a classifier in the format that the name of the file asks for. */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { RootstockError } from '../errors.ts'
import { atomicWrite, checkWritable } from '../files/index.ts'
import { writeArtifact, type WriteArtifactOptions } from './artifact/write-artifact.ts'
import type { Classifier } from './classifier.ts'
import { labelsFileOf } from './label-file.ts'
import { writeEvents } from './work-progress.ts'

/** Options of `Classifier.save`. */
export type SaveClassifierOptions = WriteArtifactOptions

/** What was written. */
export interface SavedClassifier {
  /** The file. */
  readonly path: string
  /** Size of the file. */
  readonly bytes: number
  /** What numbers are stored in. */
  readonly precision: 'float32' | 'float16' | 'int8'
  /** Where the class names are, for formats that cannot hold them. */
  readonly labels?: string
  /** `.onnx`: the largest difference from the classifier's answers, and the most that is allowed. */
  readonly difference?: number
  /** The greatest difference that is allowed. */
  readonly tolerance?: number
  /** `.onnx` in int8: the largest difference from the classifier's answers in float32. */
  readonly floatDifference?: number
}

const endings = ['.onnx', '.keras', '.weights.h5', '.h5', '.safetensors'] as const

/** Writes `path`. Throws USAGE for other endings and for float16 outside `.onnx`, FILE when it cannot be written. */
export async function saveClassifier(classifier: Classifier, path: string, options: SaveClassifierOptions): Promise<SavedClassifier> {
  const ending = endingOf(path, options.precision)
  if (ending === '.onnx') return writeArtifact(classifier, path, { ...options, comparesFloat: true })
  await classifier.model.save(path, { onProgress: writeEvents(options.onEvent, `Writing ${basename(path)}`) })
  const { size } = await stat(path)
  const written = { path, bytes: size, precision: 'float32' } as const
  if (ending !== '.keras' && ending !== '.h5') return written
  const labels = labelsFileOf(path)
  await atomicWrite(labels, new TextEncoder().encode(`${JSON.stringify(classifier.classNames, null, 2)}\n`))
  return { ...written, labels }
}

/** Throws what `saveClassifier` would throw of the place and the precision alone: for those who have long work before it. */
export function checkPlace(path: string, precision: SaveClassifierOptions['precision']): void {
  const ending = endingOf(path, precision)
  checkWritable(path)
  if (ending === '.keras' || ending === '.h5') checkWritable(labelsFileOf(path))
}

function endingOf(path: string, precision: SaveClassifierOptions['precision']): (typeof endings)[number] {
  const ending = endings.find((candidate) => path.endsWith(candidate))
  if (!ending) {
    throw new RootstockError('USAGE', `Cannot write a classifier to ${path}: expected a name that ends in ${endings.join(', ')}`)
  }
  if (ending === '.onnx' || precision === undefined || precision === 'float32') return ending
  throw new RootstockError('USAGE', `Cannot write ${path} in ${precision}: expected a name that ends in .onnx`, {
    hint: 'Leave the precision out',
  })
}
