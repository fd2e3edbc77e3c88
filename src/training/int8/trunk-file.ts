/** @file An 8-bit trunk as a file: its graph as ONNX, and beside it what it was made from and how close it is. */
import { createHash } from 'node:crypto'
import { RootstockError } from '../../errors.ts'
import { atomicWrite, readRegular } from '../../files/index.ts'
import { digestOf, followedBy, metadataBytes, mostOnnxBytes, onnxPieces, readOnnxGraph } from '../../formats/onnx/index.ts'
import type { ByteTrunk, Int8Agreement } from './byte-trunk.ts'
import { rangeMethods } from './histogram.ts'

/** The first form had no hash. */
const format = 'rootstock-int8-trunk/2'

/** Writes the file whole. */
export async function writeByteTrunk(path: string, { graph, features, source, agreement }: ByteTrunk): Promise<void> {
  const about = JSON.stringify({ features, source, agreement })
  const pieces = onnxPieces(graph)
  await atomicWrite(path, followedBy(pieces, metadataBytes({ format, about, sha256: seal(digestOf(pieces), about) })))
}

/** Reads what `writeByteTrunk` wrote, to the last bit. The file is untrusted: throws FILE and FORMAT. */
export async function readByteTrunk(path: string): Promise<ByteTrunk> {
  const bytes = await readRegular(path, { action: 'read the 8-bit trunk', most: mostOnnxBytes })
  const { graph, metadata, digest } = readOnnxGraph(bytes, path)
  const about = metadata.get('format') === format ? parsed(metadata.get('about') ?? '') : undefined
  const isWhole = about && graph.inputs.length === 1 && graph.outputs.length === about.features.length
  if (!isWhole) {
    const found = metadata.get('format')?.slice(0, 60) ?? 'none'
    const problem = `Cannot read ${path}: its format is ${JSON.stringify(found)}, expected an 8-bit trunk of Rootstock (${format})`
    throw new RootstockError('FORMAT', problem, { hint: 'Train the run again' })
  }
  if (metadata.get('sha256') !== seal(digest, metadata.get('about') ?? '')) {
    throw new RootstockError('FORMAT', `Cannot read ${path}: it is damaged, its content is not what was written`, {
      hint: "Copy the run's folder again, or train it again",
    })
  }
  return { graph, ...about }
}

/** One hash over the graph and what is said of it. */
function seal(digest: string, about: string): string {
  return createHash('sha256').update(`${format}\n${digest}\n${about}`).digest('hex')
}

type About = Omit<ByteTrunk, 'graph'>

function parsed(text: string): About | undefined {
  try {
    const value = JSON.parse(text) as Partial<About> | null
    const { features, source, agreement } = value ?? {}
    const isOurs = Array.isArray(features) && features.every((name) => typeof name === 'string') && typeof source === 'string'
    return isOurs && isAgreement(agreement) ? { features, source, agreement } : undefined
  } catch {
    return undefined
  }
}

function isAgreement(value: Partial<Int8Agreement> | undefined): value is Int8Agreement {
  const { method, firstLayer, cosine, photos } = value ?? {}
  const numbers = [cosine?.mean, cosine?.min, photos?.calibrated, photos?.compared]
  return (
    rangeMethods.some((known) => known === method) &&
    (firstLayer === 'int8' || firstLayer === 'float32') &&
    numbers.every((number) => typeof number === 'number')
  )
}
