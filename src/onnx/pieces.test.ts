/** @file Models in pieces: the bytes of the protobuf library, whatever is in them, and numbers that stay where they are until they are asked for. */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTape, steps } from '../graph/index.ts'
import { tensor } from '../tensor/index.ts'
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, TensorProtoSchema, type ModelProto } from './generated/onnx_pb.ts'
import { digestOf, followedBy, joined, metadataBytes, onnxPieces, readOnnxGraph, withMetadata, writeOnnx } from './index.ts'
import { modelPieces } from './pieces.ts'

const text = fc.string({ maxLength: 200 })
const dims = fc.array(
  fc.nat(9).map((size) => BigInt(size)),
  { maxLength: 4 },
)

/** Around 128 and 16384 bytes the length of a field needs one byte more. */
const bytes = fc
  .oneof(fc.constantFrom(0, 1, 126, 127, 128, 129, 16_380, 16_384, 16_385), fc.nat(300))
  .map((size) => new Uint8Array(size).fill(7))

const someTensor = fc
  .record({ name: text, dims, dataType: fc.nat(16), docString: text, rawData: bytes, floatData: fc.array(fc.nat(9)) }, { requiredKeys: [] })
  .map((fields) => create(TensorProtoSchema, fields))
const someGraph = fc
  .record({ name: text, docString: text, node: fc.array(text), initializer: fc.array(someTensor) }, { requiredKeys: [] })
  .map(({ node = [], ...rest }) =>
    create(GraphProtoSchema, { ...rest, node: node.map((name) => create(NodeProtoSchema, { name, input: [name] })) }),
  )
const someModel = fc
  .record(
    {
      irVersion: fc.nat(99).map(BigInt),
      producerName: text,
      docString: text,
      graph: someGraph,
      opsetImport: fc.array(fc.record({ domain: text, version: fc.nat(99).map(BigInt) })),
      metadataProps: fc.array(fc.record({ key: text, value: text })),
      unknown: fc.uint8Array({ maxLength: 5 }),
    },
    { requiredKeys: [] },
  )
  .map(({ unknown, ...fields }): ModelProto => {
    const model = create(ModelProtoSchema, fields)
    // Field 99, bytes.
    if (unknown) model.$unknown = [{ no: 99, wireType: 2, data: Uint8Array.of(unknown.length, ...unknown) }]
    return model
  })

const hex = (some: Uint8Array): string => Buffer.from(some).toString('hex')

it('pieces are the bytes of the library', () => {
  fc.assert(
    fc.property(someModel, (model) => {
      const whole = toBinary(ModelProtoSchema, model)
      const pieces = modelPieces(model)
      expect([pieces.length, hex(joined(pieces))]).toEqual([whole.length, hex(whole)])
      // They can be asked for again, and the message is as it was.
      expect(hex(joined(pieces))).toBe(hex(toBinary(ModelProtoSchema, model)))
    }),
    { numRuns: 300 },
  )
})

/** x · 2 + w. */
function graphOf(data: () => Float32Array): ReturnType<ReturnType<typeof createTape>['graph']> {
  const tape = createTape()
  const w = tape.parameter('w', { shape: [3], dtype: 'float32' }, () => tensor(data()))
  return tape.graph([steps.add(tape, steps.mul(tape, tape.input('x', { shape: [3], dtype: 'float32' }), tape.number(2)), w)])
}

it("a parameter's numbers are made when their piece is asked for", () => {
  let made = 0
  const pieces = onnxPieces(
    graphOf(() => {
      made++
      return Float32Array.of(1, 2, 3)
    }),
  )
  expect([pieces.length > 0, made]).toEqual([true, 0])
  expect(hex(joined(pieces))).toBe(hex(writeOnnx(graphOf(() => Float32Array.of(1, 2, 3))).bytes))
  expect(made).toBe(1)
})

it('texts may follow, and the digest is that of what stands before them', () => {
  const pieces = onnxPieces(graphOf(() => Float32Array.of(1, 2, 3)))
  const file = joined(followedBy(pieces, metadataBytes({ of: 'texts' })))
  expect(hex(file)).toBe(hex(withMetadata(joined(pieces), { of: 'texts' })))
  const { metadata, digest } = readOnnxGraph(file, 'file')
  expect([Object.fromEntries(metadata), digest]).toEqual([{ of: 'texts' }, digestOf(pieces)])
})

it('numbers can stay in the file that they were found in', () => {
  const file = joined(onnxPieces(graphOf(() => Float32Array.of(1, 2, 3))))
  // What is read later lies in another piece of memory, at its own place.
  const shifted = new Uint8Array([0, 0, 0, ...file]).subarray(3)
  let reads = 0
  const { graph } = readOnnxGraph(shifted, 'file', (into, from) => {
    reads++
    into.set(file.subarray(from, from + into.length))
  })
  expect([graph.parameters.size, reads]).toEqual([2, 0])
  const w = [...graph.parameters.values()].find(({ value }) => value.shape.length === 1)!
  expect(w.data()).toEqual(tensor([1, 2, 3]))
  expect(w.parts!()(1, new Float32Array(2))).toEqual(Float32Array.of(2, 3))
  expect(reads).toBe(2)
})
