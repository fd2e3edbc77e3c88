/** @file A graph as ONNX bytes. Large tensors stay outside the message, so nothing is copied and 2 GB is no limit. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { sizeOf, type Shape, type Tensor } from '../tensor/index.ts'
import { holdPadding, operators, type AttributeKind, type Graph, type Node, type Operator, type Value } from '../graph/index.ts'
import {
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TypeProtoSchema,
  TensorProto_DataLocation,
  ValueInfoProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb.ts'
import { joined, modelPieces, type Pieces, type RawNumbers } from './pieces.ts'
import { arrays, attributeTypes, dataTypes } from './types.ts'

/** Numbers that belong to a message but travel beside it, found by `path`. */
export interface ExternalData {
  /** The name that the model calls it by. */
  readonly path: string
  /** The numbers of all large tensors. */
  readonly data: Uint8Array
}

/** A graph in ONNX's form. */
export interface OnnxModel {
  /** The message. */
  readonly bytes: Uint8Array
  /** Numbers that lie beside the message. */
  readonly external: readonly ExternalData[]
}

/** What `writeOnnx` takes. */
export interface WriteOptions {
  /** Parameters in this set become inputs, fed at each run; the others become constants. Default: all constants. */
  readonly asInputs?: ReadonlySet<Value>
  /** Tensors of at least so many bytes travel outside the message. Default: none. */
  readonly externalFrom?: number
  /** Key and value pairs stored with the model. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Written into the file; default none. */
  readonly producerVersion?: string
  /** The name of a first output that is an empty sequence of tensors; default none. */
  readonly emptySequence?: string
}

/** A message of the protobuf library, and of most runtimes, cannot be larger. */
export const mostOnnxBytes = 2 ** 31 - 1

/** The opset of all written graphs. */
export const opset = 18

/** Serializes a graph as an ONNX model, IR version 8. */
export function writeOnnx(graph: Graph, options: WriteOptions = {}): OnnxModel {
  const { pieces, external } = modelOf(graph, options)
  return { bytes: joined(pieces), external }
}

/** The bytes of `writeOnnx` in pieces; the numbers of a parameter are made when their turn comes. */
export function onnxPieces(graph: Graph, options: Pick<WriteOptions, 'metadata' | 'producerVersion'> = {}): Pieces {
  return modelOf(graph, options).pieces
}

function modelOf(given: Graph, options: WriteOptions): { readonly pieces: Pieces; readonly external: readonly ExternalData[] } {
  const graph = holdPadding(given)
  const external: ExternalData[] = []
  const later = new Map<TensorProto, RawNumbers>()
  const asInputs = options.asInputs ?? new Set<Value>()
  const sequence = options.emptySequence === undefined ? [] : [options.emptySequence]
  const tensors: TensorProto[] = []
  const add = (value: Value, data: () => Tensor): void => {
    const shape = value.shape as Shape
    const numbers = { length: sizeOf(shape) * arrays[value.dtype].BYTES_PER_ELEMENT, bytes: () => bytesOf(data()) }
    const plain = { name: value.name, dataType: dataTypes[value.dtype], dims: shape.map(BigInt) }
    const isOutside = numbers.length >= (options.externalFrom ?? Infinity)
    const proto = create(TensorProtoSchema, isOutside ? { ...plain, ...outside(numbers.bytes(), external) } : plain)
    if (!isOutside) later.set(proto, numbers)
    tensors.push(proto)
  }
  for (const [value, tensor] of graph.constants) add(value, () => tensor)
  for (const [value, { data }] of graph.parameters) if (!asInputs.has(value)) add(value, data)
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'rootstock',
    producerVersion: options.producerVersion ?? '',
    opsetImport: [{ domain: '', version: BigInt(opset) }, ...[...domainsOf(graph)].map((domain) => ({ domain, version: 1n }))],
    graph: {
      name: 'graph',
      input: [...graph.inputs, ...[...graph.parameters.keys()].filter((value) => asInputs.has(value))].map(valueInfo),
      output: [...sequence.map(sequenceInfo), ...[...new Set(graph.outputs)].map(valueInfo)],
      initializer: tensors,
      node: [...sequence.map(emptySequence), ...graph.nodes.map((node) => nodeProto(node, usedOutputs(graph)))],
    },
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  })
  return { pieces: modelPieces(model, later), external }
}

/** Texts as bytes that may follow a model: messages of protobuf that follow each other are one message. */
export function metadataBytes(metadata: Readonly<Record<string, string>>): Uint8Array {
  const props = Object.entries(metadata).map(([key, value]) => ({ key, value }))
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { metadataProps: props }))
}

/** The same model with texts added. */
export function withMetadata(bytes: Uint8Array, metadata: Readonly<Record<string, string>>): Uint8Array {
  return Uint8Array.from(Buffer.concat([bytes, metadataBytes(metadata)]))
}

/** Operators outside the standard, such as the engine's own, which only step graphs have. */
function domainsOf(graph: Graph): ReadonlySet<string> {
  const domains = graph.nodes.map(({ op }) => (operators[op] as unknown as Operator).domain ?? '')
  return new Set(domains.filter((domain) => domain !== ''))
}

const usage = new WeakMap<Graph, Set<Value>>()

/** Values that somebody reads; MaxPool's places are left out of the file where nobody reads them, since not every engine can give them. */
function usedOutputs(graph: Graph): ReadonlySet<Value> {
  const known = usage.get(graph)
  if (known) return known
  const used = new Set<Value>(graph.outputs)
  for (const node of graph.nodes) for (const input of node.inputs) if (input) used.add(input)
  usage.set(graph, used)
  return used
}

function nodeProto(node: Node, used: ReadonlySet<Value>): NodeProto {
  const row = operators[node.op] as unknown as Operator
  // The moving statistics of BatchNormalization are not optional in training mode.
  const isOptional = (value: Value, i: number): boolean => i > 0 && node.op === 'MaxPool' && !used.has(value)
  const outputs = node.outputs.filter((value, i) => !isOptional(value, i)).map((value) => value.name)
  const inputs = node.inputs.map((value) => value?.name ?? '')
  while (inputs.length > 0 && inputs.at(-1) === '') inputs.pop()
  const kinds = row.attributes as Readonly<Record<string, AttributeKind>>
  return create(NodeProtoSchema, {
    name: node.name,
    opType: row.onnxName ?? node.op,
    domain: row.domain ?? '',
    input: inputs,
    output: outputs,
    attribute: [
      ...Object.entries(node.attributes as Record<string, unknown>).map(([name, value]) =>
        attributeProto(name, kinds[name] ?? 'int', value),
      ),
      ...kernelShape(node),
    ],
  })
}

/** Convolutions state their kernel's size too, as some readers expect it. */
function kernelShape(node: Node): AttributeProto[] {
  if (node.op !== 'Conv' && node.op !== 'ConvTranspose' && node.op !== 'BlockedConv') return []
  const [, weight] = node.inputs
  return [attributeProto('kernel_shape', 'ints', weight?.shape.slice(2) ?? [])]
}

function attributeProto(name: string, kind: AttributeKind, value: unknown): AttributeProto {
  switch (kind) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: attributeTypes.int, i: BigInt(value as number) })
    case 'ints':
      return create(AttributeProtoSchema, { name, type: attributeTypes.ints, ints: (value as number[]).map(BigInt) })
    case 'float':
      return create(AttributeProtoSchema, { name, type: attributeTypes.float, f: value as number })
    case 'floats':
      return create(AttributeProtoSchema, { name, type: attributeTypes.floats, floats: [...(value as number[])] })
    case 'string':
      return create(AttributeProtoSchema, { name, type: attributeTypes.string, s: new TextEncoder().encode(value as string) })
    case 'dtype':
      return create(AttributeProtoSchema, { name, type: attributeTypes.int, i: BigInt(dataTypes[value as keyof typeof dataTypes]) })
  }
}

/** Puts the numbers beside the message, and says where they are. */
function outside(
  data: Uint8Array,
  external: ExternalData[],
): Pick<MessageInitShape<typeof TensorProtoSchema>, 'dataLocation' | 'externalData'> {
  const path = `tensor-${external.length}`
  external.push({ path, data })
  return {
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: path },
      { key: 'offset', value: '0' },
      { key: 'length', value: String(data.length) },
    ],
  }
}

function bytesOf({ data: { buffer, byteOffset, byteLength } }: Tensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

const emptySequence = (name: string): NodeProto => create(NodeProtoSchema, { name, opType: 'SequenceEmpty', output: [name] })

function sequenceInfo(name: string): ValueInfoProto {
  const element = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType: dataTypes.float32 } } })
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'sequenceType', value: { elemType: element } } } })
}

function valueInfo(value: Value): ValueInfoProto {
  const dim = value.shape.map((size) =>
    size === null ? { value: { case: 'dimParam' as const, value: 'N' } } : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  )
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: { value: { case: 'tensorType', value: { elemType: dataTypes[value.dtype], shape: { dim } } } },
  })
}
