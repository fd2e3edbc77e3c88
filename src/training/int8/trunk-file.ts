/** @file An 8-bit trunk as a file: its graph as ONNX, and beside it what it was made from and how close it is. */
import { RootstockError } from '../../errors.ts'
import { atomicWrite, readRegular } from '../../files/index.ts'
import { readOnnxGraph, writeOnnx } from '../../formats/onnx/index.ts'
import type { ByteTrunk, Int8Agreement } from './byte-trunk.ts'
import { rangeMethods } from './histogram.ts'

/** A message of protobuf cannot be larger. */
const mostBytes = 2 ** 31 - 1
const format = 'rootstock-int8-trunk/1'

/** Writes the file whole. */
export async function writeByteTrunk(path: string, { graph, features, source, agreement }: ByteTrunk): Promise<void> {
  const { bytes } = writeOnnx(graph, { metadata: { format, about: JSON.stringify({ features, source, agreement }) } })
  await atomicWrite(path, bytes)
}

/** Reads what `writeByteTrunk` wrote, to the last bit. The file is untrusted: throws FILE and FORMAT. */
export async function readByteTrunk(path: string): Promise<ByteTrunk> {
  const bytes = await readRegular(path, { action: 'read the 8-bit trunk', most: mostBytes })
  const { graph, metadata } = readOnnxGraph(bytes, path)
  const about = metadata.get('format') === format ? parsed(metadata.get('about') ?? '') : undefined
  const isWhole = about && graph.inputs.length === 1 && graph.outputs.length === about.features.length
  if (!isWhole) throw new RootstockError('FORMAT', `Cannot read ${path}: expected an 8-bit trunk of Rootstock (${format})`)
  return { graph, ...about }
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
