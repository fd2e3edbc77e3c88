/** @file Writes the weights of a model as safetensors, under Keras's paths and in Keras's layout. */
import { atomicWrite } from '../../files/index.ts'
import { passing, sizeOf } from '../../tensor/index.ts'
import { RootstockError } from '../../errors.ts'
import type { Functional } from '../../models/index.ts'

/** Writes all weights, whole or not at all. `metadata` may hold texts of the user's. Throws FILE when the file cannot be written. */
export async function writeSafetensors(path: string, model: Functional, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  let at = 0
  const header: Record<string, object> = { __metadata__: { format: 'keras', ...metadata } }
  for (const { path: name, shape } of model.weights) {
    if (Object.hasOwn(header, name)) {
      throw new RootstockError('USAGE', `Cannot write ${path}: two weights are called "${name}"`, {
        hint: 'Save as .keras or .weights.h5, or give the layers of nested models names of their own',
      })
    }
    const end = at + sizeOf(shape) * 4
    header[name] = { dtype: 'F32', shape, data_offsets: [at, end] }
    at = end
  }
  // Readers that map the file want the numbers at a multiple of 8.
  const text = JSON.stringify(header)
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  await atomicWrite(path, pieces([length, json], model))
}

function* pieces(head: readonly Buffer[], model: Functional): Generator<Uint8Array> {
  yield* head
  for (const weight of model.weights) {
    const { buffer, byteOffset, byteLength } = weight.toKerasLayout(weight.passingValue()).data
    yield new Uint8Array(buffer, byteOffset, byteLength)
    passing(byteLength)
  }
}
