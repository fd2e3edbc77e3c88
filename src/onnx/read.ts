/** @file Looks into ONNX bytes that Rootstock wrote: what goes in and out, and the texts beside the network. Checks that nothing else is in them. */
import { fromBinary } from '@bufbuild/protobuf'
import { RootstockError } from '../errors.ts'
import { opNames } from '../graph/index.ts'
import type { Dim } from '../tensor/index.ts'
import { ModelProtoSchema, TensorProto_DataLocation, type GraphProto, type ModelProto, type ValueInfoProto } from './generated/onnx_pb.ts'

/** An input or output; null where the size is free (the batch). */
export interface OnnxValue {
  /** Unique in the file. */
  readonly name: string
  /** Null for a size that is left open. */
  readonly shape: readonly Dim[]
}

/** What a file says of itself. */
export interface OnnxDescription {
  /** Its `metadata_props` by key. */
  readonly metadata: ReadonlyMap<string, string>
  /** What it takes. */
  readonly inputs: readonly OnnxValue[]
  /** What it gives. */
  readonly outputs: readonly OnnxValue[]
  /** Version of ONNX's operators. */
  readonly opset: number
}

/**
 * Reads the description of an ONNX file. `source` names it. Throws FORMAT for bytes that are no ONNX model and for what Rootstock never
 * writes: numbers in other files, functions, graphs within nodes, operators outside its table.
 */
export function readOnnx(bytes: Uint8Array, source: string): OnnxDescription {
  const { model, graph } = checkedModel(bytes, source)
  return {
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
    inputs: graph.input.map(describe),
    outputs: graph.output.map(describe),
    opset: Number(model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n),
  }
}

/** The message of the bytes, after the checks that `readOnnx` promises. */
export function checkedModel(bytes: Uint8Array, source: string): { readonly model: ModelProto; readonly graph: GraphProto } {
  const model = parse(bytes, source)
  const { graph } = model
  if (!graph) throw refuse(source, 'there is no graph in it')
  checkGraph(graph, source)
  if (model.functions.length > 0) throw refuse(source, 'it defines functions of its own')
  return { model, graph }
}

function parse(bytes: Uint8Array, source: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (error) {
    throw refuse(source, 'it is damaged or no ONNX model', error)
  }
}

function checkGraph(graph: GraphProto, source: string): void {
  const known = new Set<string>(opNames)
  for (const { opType, domain, attribute, name } of graph.node) {
    if (!known.has(opType) || (domain !== '' && domain !== 'ai.onnx'))
      throw refuse(source, `"${name}" is ${domain === '' ? '' : `${domain}.`}${opType}, which Rootstock does not know`)
    if (attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0)) throw refuse(source, `"${name}" holds a graph of its own`)
  }
  const outside = graph.initializer.find(
    ({ dataLocation, externalData }) => dataLocation === TensorProto_DataLocation.EXTERNAL || externalData.length > 0,
  )
  if (outside || graph.sparseInitializer.length > 0) throw refuse(source, `its numbers (${outside?.name ?? 'sparse'}) lie in another file`)
}

/** Name and shape of an input or output; a size that is no number is free. */
export function describe({ name, type }: ValueInfoProto): OnnxValue {
  const shape = type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []) : []
  return { name, shape: shape.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : null)) }
}

/** The FORMAT error of this folder. */
export function refuse(source: string, found: string, cause?: unknown): RootstockError {
  return new RootstockError('FORMAT', `Cannot read ${source}: ${found}, expected an ONNX file of Rootstock`, {
    hint: 'Copy or export the file again; networks of other programs open as .keras or .h5',
    cause,
  })
}
