/** @file Writes the trained network as the package ships it: safetensors of 16-bit floats, and their SHA-256 into the program. */
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
  for (const weight of base.weights) {
    const halves = toHalves(weight.value().data)
    header[weight.path] = { dtype: 'F16', shape: weight.shape, data_offsets: [at, at + halves.byteLength] }
    parts.push(new Uint8Array(halves.buffer))
    at += halves.byteLength
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

/** The program takes no file with another hash. */
function writeHash(hash: string): void {
  const source = join(root, 'src', 'applications', 'embedded.ts')
  const text = readFileSync(source, 'utf8')
  writeFileSync(source, text.replace(/const SHA256 = '[^']*'/, `const SHA256 = '${hash}'`))
}
