/** @file An ONNX model as bytes in pieces: while the protobuf library joins a message it copies the numbers of a network four times. */
import { isFieldSet, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { passing } from '../tensor/index.ts'
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema, type ModelProto, type TensorProto } from './generated/onnx_pb.ts'

/** Bytes that follow each other. */
export interface Pieces extends Iterable<Uint8Array> {
  /** Of all of them together. */
  readonly length: number
}

/** Numbers of a tensor that are made when their turn comes. */
export interface RawNumbers {
  /** In bytes. */
  readonly length: number
  readonly bytes: () => Uint8Array
}

/** The fields of the messages inside which numbers lie. */
const FIELD = { graph: 7, initializer: 5, rawData: 9 } as const

/** The bytes of `toBinary`. `later` has numbers of tensors whose `rawData` is left out. */
export function modelPieces(model: ModelProto, later: ReadonlyMap<TensorProto, RawNumbers> = new Map()): Pieces {
  const tensorParts = (tensor: TensorProto): Part[] => {
    const own = isFieldSet(tensor, TensorProtoSchema.field.rawData) ? tensor.rawData : undefined
    const numbers = later.get(tensor) ?? own
    return around(TensorProtoSchema, tensor, FIELD.rawData, numbers ? [[numbers]] : [])
  }
  const { graph } = model
  const graphParts = graph ? [around(GraphProtoSchema, graph, FIELD.initializer, graph.initializer.map(tensorParts))] : []
  return piecesOf(around(ModelProtoSchema, model, FIELD.graph, graphParts))
}

/** First one, then the other. */
export function followedBy(first: Pieces, then: Uint8Array): Pieces {
  return {
    length: first.length + then.length,
    *[Symbol.iterator]() {
      yield* first
      yield then
    },
  }
}

/** All pieces as one. */
export function joined(pieces: Pieces): Uint8Array {
  const all = new Uint8Array(pieces.length)
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

type Part = Uint8Array | RawNumbers

/** A message whose field of that number is given in parts, once for each value: fields follow each other in the order of their numbers. */
function around<D extends DescMessage>(schema: D, message: MessageShape<D>, field: number, values: readonly (readonly Part[])[]): Part[] {
  const inner = values.flatMap((parts) => [
    new BinaryWriter().tag(field, WireType.LengthDelimited).uint64(lengthOf(parts)).finish(),
    ...parts,
  ])
  // Fields that the schema does not know come at the end.
  const before = without(schema, { ...message, $unknown: undefined }, (number) => number >= field)
  return [before, ...inner, without(schema, { ...message }, (number) => number <= field)]
}

function without<D extends DescMessage>(schema: D, copy: MessageShape<D>, leaveOut: (number: number) => boolean): Uint8Array {
  for (const { number, localName, fieldKind } of schema.fields)
    if (leaveOut(number)) Reflect.set(copy, localName, fieldKind === 'list' ? [] : undefined)
  return toBinary(schema, copy)
}

const lengthOf = (parts: readonly Part[]): number => parts.reduce((sum, { length }) => sum + length, 0)

function piecesOf(parts: readonly Part[]): Pieces {
  return {
    length: lengthOf(parts),
    *[Symbol.iterator]() {
      for (const part of parts) {
        yield part instanceof Uint8Array ? part : part.bytes()
        if (!(part instanceof Uint8Array)) passing(part.length)
      }
    },
  }
}
