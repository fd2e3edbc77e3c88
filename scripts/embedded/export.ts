/** @file Writes the trained network as the package ships it, safetensors of 8 and 16 bits, and its SHA-256 into the program. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { toHalves } from '../../src/tensor/index.ts'
import type { Model } from '../../src/training/index.ts'

const root = join(import.meta.dirname, '..', '..')

/** Writes the weights of `base` to `path`; returns the number of bytes. */
export function exportNetwork(base: Model, path: string): number {
  let at = 0
  const header: Record<string, object> = { __metadata__: { format: 'keras', source: 'scripts/train-embedded.ts', license: 'Apache-2.0' } }
  const parts: Uint8Array[] = []
  const add = (name: string, dtype: string, shape: readonly number[], { buffer, byteLength }: NodeJS.TypedArray): void => {
    header[name] = { dtype, shape, data_offsets: [at, at + byteLength] }
    parts.push(new Uint8Array(buffer))
    at += byteLength
  }
  for (const weight of base.weights) {
    const { path: name, shape } = weight
    const { data } = weight.value()
    // The pointwise kernels are nearly all of the file; the other weights are few, and are felt more.
    if (shape.length < 4 || shape[0] !== 1) add(name, 'F16', shape, toHalves(data))
    else {
      const { values, scales } = toBytes(data, shape.at(-1) ?? 1)
      add(name, 'I8', shape, values)
      add(`${name}.scale`, 'F32', [scales.length], scales)
    }
  }
  // Readers that map the file want the numbers at a multiple of 8.
  const text = JSON.stringify(header)
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const bytes = Buffer.concat([length, json, ...parts])
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  writeHash(createHash('sha256').update(bytes).digest('hex'))
  return bytes.length
}

/** Each output channel, the last dimension, as multiples from −127 to 127 of its largest magnitude / 127. */
function toBytes(data: Float32Array, channels: number): { values: Int8Array; scales: Float32Array } {
  const scales = new Float32Array(channels)
  data.forEach((value, at) => (scales[at % channels] = Math.max(scales[at % channels] ?? 0, Math.abs(value) / 127)))
  const values = Int8Array.from(data, (value, at) => Math.round(value / (scales[at % channels] || 1)))
  return { values, scales }
}

/** The program takes no file with another hash. */
function writeHash(hash: string): void {
  const source = join(root, 'src', 'applications', 'embedded.ts')
  const text = readFileSync(source, 'utf8')
  writeFileSync(source, text.replace(/const SHA256 = '[^']*'/, `const SHA256 = '${hash}'`))
}
