/** @file Opens a classifier.onnx. The file is untrusted: it is read into a graph of known operators, and its texts are checked one by one. */
import { RootstockError } from '../../errors.ts'
import { readRegular } from '../../files/index.ts'
import type { Graph } from '../../graph/index.ts'
import { mostOnnxBytes, readOnnxGraph, type ReadBytes } from '../../onnx/index.ts'
import { LARGE, showShape } from '../../tensor/index.ts'
import { readMetadata, type ArtifactMetadata } from './metadata.ts'
import { inputName, outputName } from './photo-graph.ts'

/** An opened artifact. */
export interface Artifact {
  readonly graph: Graph
  readonly metadata: ArtifactMetadata
  /** Graph, numbers and texts are those that were written. */
  readonly isIntact: boolean
}

/** Reads the file. Throws FILE when that fails, FORMAT for what no `writeArtifact` writes; a file whose content changed since is not refused. */
export async function readArtifact(path: string): Promise<Artifact> {
  const bytes = await readRegular(path, { action: 'load a classifier from', most: mostOnnxBytes })
  // Numbers of a large network stay where they are: as tensors of their own they would be held twice.
  const isLarge = bytes.length >= LARGE
  const again: ReadBytes = (into, from) => void into.set(bytes.subarray(from, from + into.length))
  const { graph, metadata: texts, digest } = readOnnxGraph(bytes, path, isLarge ? again : undefined)
  const { metadata, isIntact } = readMetadata(texts, { digest, source: path })
  checkEnds(graph, metadata, path)
  return { graph, metadata, isIntact }
}

/** As `readArtifact`; throws FORMAT also where a byte of the content changed since. */
export async function readIntactArtifact(path: string): Promise<Artifact> {
  const artifact = await readArtifact(path)
  if (artifact.isIntact) return artifact
  throw new RootstockError(
    'FORMAT',
    `Cannot load a classifier from ${path}: its content is not what was written, expected an unchanged file`,
    {
      hint: 'Copy or export the file again; "rootstock doctor FILE" shows what its answers are worth',
    },
  )
}

function checkEnds({ inputs, outputs }: Graph, { preprocessing, class_names: classes }: ArtifactMetadata, path: string): void {
  const [height, width] = preprocessing.size
  const found = [...inputs, ...outputs].map(({ name, shape, dtype }) => `${name} ${dtype} ${showShape(shape)}`)
  const wanted = [
    `${inputName} float32 ${showShape([null, height, width, 3])}`,
    `${outputName} float32 ${showShape([null, classes.length])}`,
  ]
  if (height === width && found.join() === wanted.join()) return
  throw new RootstockError('FORMAT', `Cannot load a classifier from ${path}: found ${found.join(', ')}, expected ${wanted.join(', ')}`, {
    hint: 'Export the classifier again',
  })
}
