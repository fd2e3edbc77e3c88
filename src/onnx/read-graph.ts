/**
 * @file Reads ONNX bytes back into a graph. The bytes are untrusted: every node goes through the shape rule of its operator, and what an
 * engine gets later is written anew from the graph.
 */
import { createHash } from 'node:crypto'
import { RootstockError, messageOf } from '../errors.ts'
import {
  createTape,
  operators,
  opNames,
  type Attributes,
  type Graph,
  type Operator,
  type OpName,
  type Tape,
  type Value,
} from '../graph/index.ts'
import { passing, showShape, sizeOf, type Tensor } from '../tensor/index.ts'
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from './generated/onnx_pb.ts'
import { modelPieces, type Pieces } from './pieces.ts'
import { readAttributes } from './read-attributes.ts'
import { dtypeOf, readTensor } from './read-tensor.ts'
import { checkedModel, describe, refuse } from './read.ts'
import { Unfit } from './unfit.ts'
import { opset } from './write.ts'

/** What a file holds. */
export interface OnnxContent {
  /** What the file computes. */
  readonly graph: Graph
  /** Its `metadata_props` by key. */
  readonly metadata: ReadonlyMap<string, string>
  /** SHA-256 (hexadecimal) of the model without its metadata. */
  readonly digest: string
}

const mostNodes = 20_000
/** Numbers in one value for one sample: a gigabyte. */
const mostNumbers = 2 ** 28

/** Fills `into` with the bytes of the file from the place `from` on. */
export type ReadBytes = (into: Uint8Array, from: number) => void

/**
 * Reads the graph of an ONNX file that `writeOnnx` could have written, without the engine's own operators. `source` names it in messages.
 * With `again` its float32 numbers become parameters that are read from the file whenever somebody asks, else constants in memory.
 * Throws FORMAT for everything else.
 */
export function readOnnxGraph(bytes: Uint8Array, source: string, again?: ReadBytes): OnnxContent {
  const { model, graph: proto } = checkedModel(bytes, source)
  try {
    checkVersion(model)
    const graph = rebuild(proto, again && { read: again, begin: bytes.byteOffset })
    return { graph, metadata: metadataOf(model), digest: digestOf(modelPieces({ ...model, metadataProps: [] })) }
  } catch (error) {
    if (error instanceof Unfit || error instanceof RangeError || error instanceof RootstockError)
      throw refuse(source, messageOf(error), error)
    throw error
  }
}

function checkVersion({ opsetImport }: ModelProto): void {
  const [only, ...others] = opsetImport
  const isOurs = only?.domain === '' && only.version === BigInt(opset) && others.length === 0
  if (!isOurs) throw new Unfit(`it asks for the operators ${opsetImport.map(({ domain, version }) => `${domain} ${version}`).join(', ')}`)
}

function metadataOf({ metadataProps }: ModelProto): Map<string, string> {
  const texts = new Map(metadataProps.map(({ key, value }) => [key, value]))
  if (texts.size !== metadataProps.length) throw new Unfit('a text stands twice in its metadata')
  return texts
}

/** SHA-256 (hexadecimal) of those bytes: `digest` of a model that has no metadata. */
export function digestOf(pieces: Pieces): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

/** A file, and where in memory the copy of it begins that is looked at. */
interface Source {
  readonly read: ReadBytes
  readonly begin: number
}

function rebuild(proto: GraphProto, source: Source | undefined): Graph {
  if (proto.node.length > mostNodes) throw new Unfit(`it has ${proto.node.length} nodes`)
  const tape = createTape()
  const values = new Map<string, Value>()
  const define = (name: string, value: Value): void => {
    if (name === '' || values.has(name)) throw new Unfit(`the name "${name}" is given twice or empty`)
    values.set(name, value)
  }
  const valueOf = (name: string): Value => {
    const found = values.get(name)
    if (!found) throw new Unfit(`"${name}" is used before it is made`)
    return found
  }
  for (const input of proto.input) define(input.name, tape.input(input.name, typeOf(input)))
  for (const tensor of proto.initializer) define(tensor.name, numbersOf(tape, tensor, source))
  for (const node of proto.node) {
    const outputs = record(tape, node, valueOf)
    node.output.forEach((name, i) => {
      const value = outputs[i]
      if (!value) throw new Unfit(`"${node.name}" has ${node.output.length} outputs`)
      define(name, value)
    })
  }
  return named(tape.graph(proto.output.map((output) => checkedOutput(output, valueOf(output.name)))), proto)
}

function numbersOf(tape: Tape, proto: TensorProto, source: Source | undefined): Value {
  const tensor = readTensor(proto)
  if (!source || tensor.dtype !== 'float32') return tape.constant(tensor, proto.name)
  const { shape } = tensor
  passing(tensor.data.byteLength)
  const at = (proto.rawData?.byteOffset ?? 0) - source.begin
  const read = (from: number, room: Float32Array): Float32Array => {
    source.read(new Uint8Array(room.buffer, room.byteOffset, room.byteLength), at + 4 * from)
    return room
  }
  const data = (): Tensor => ({ data: read(0, new Float32Array(sizeOf(shape))), shape, dtype: 'float32' })
  return tape.parameter(proto.name, { shape, dtype: 'float32' }, data, { parts: () => read })
}

function typeOf(input: ValueInfoProto): { shape: readonly (number | null)[]; dtype: ReturnType<typeof dtypeOf> } {
  const { shape } = describe(input)
  const element = input.type?.value.case === 'tensorType' ? input.type.value.value.elemType : 0
  const type = { shape, dtype: dtypeOf(element) }
  checkSize(input.name, shape)
  return type
}

function record(tape: Tape, node: NodeProto, valueOf: (name: string) => Value): readonly Value[] {
  const op = opNames.find((name) => name === node.opType)
  const row = op && (operators[op] as unknown as Operator)
  if (!op || !row || row.domain !== undefined) throw new Unfit(`"${node.name}" is ${node.opType}, which no classifier needs`)
  const tooMany = node.input.length > row.inputs.length && !row.variadic
  if (tooMany || node.input.length === 0) throw new Unfit(`"${node.name}" has ${node.input.length} inputs`)
  const inputs = node.input.map((name) => (name === '' ? null : valueOf(name)))
  const attributes = readAttributes(node, row, inputs) as unknown as Attributes[OpName]
  const outputs = tape.ops(op, inputs, attributes, node.name === '' ? op : node.name)
  for (const { name, shape } of outputs) checkSize(name, shape)
  return outputs
}

function checkSize(name: string, shape: readonly (number | null)[]): void {
  let numbers = 1
  for (const size of shape) {
    if (size !== null && !(Number.isSafeInteger(size) && size >= 0)) throw new Unfit(`"${name}" has shape ${showShape(shape)}`)
    numbers *= size ?? 1
  }
  if (numbers > mostNumbers || shape.length > 8) throw new Unfit(`"${name}" has shape ${showShape(shape)}, more than a classifier needs`)
}

function checkedOutput(output: ValueInfoProto, value: Value): Value {
  const { shape } = describe(output)
  if (showShape(shape) === showShape(value.shape)) return value
  throw new Unfit(`the output "${output.name}" is said to have shape ${showShape(shape)}, it has ${showShape(value.shape)}`)
}

/** The tape makes names of its own; inputs and outputs keep those of the file. */
function named(graph: Graph, { output }: GraphProto): Graph {
  const renamed = new Map(graph.outputs.map((value, i) => [value, { ...value, name: output[i]?.name ?? value.name }]))
  const at = <V extends Value | null>(value: V): V => ((value && renamed.get(value)) ?? value) as V
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(at), outputs: node.outputs.map(at) }))
  return { ...graph, nodes, outputs: graph.outputs.map(at) }
}
