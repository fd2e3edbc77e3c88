/** @file A graph of operators as TensorFlow's GraphDef, for the Graphs tab. Only names, operators, edges and shapes matter there. */
import { create, toBinary } from '@bufbuild/protobuf'
import { producers, type Graph, type Value } from '../../graph/index.ts'
import { AttrValueSchema, GraphDefSchema, NodeDefSchema, type AttrValue, type NodeDef } from './generated/event_pb.ts'

/** The encoded GraphDef. Weights are nodes beside the operator that uses them; slashes in names make groups. */
export function graphDef(graph: Graph): Uint8Array {
  const made = producers(graph)
  const reference = (value: Value): string => {
    const node = made.get(value)
    if (!node) return plain(value.name)
    const output = node.outputs.indexOf(value)
    return output > 0 ? `${plain(node.name)}:${output}` : plain(node.name)
  }
  const leaf = (op: string) => (value: Value) => nodeDef(plain(value.name), op, { outputs: [value], inputs: [] })
  const nodes = [
    ...graph.inputs.map(leaf('Placeholder')),
    ...[...graph.parameters.keys()].map(leaf('VariableV2')),
    ...[...graph.constants.keys()].map(leaf('Const')),
    ...graph.nodes.map((node) =>
      nodeDef(plain(node.name), node.op, {
        outputs: node.outputs,
        inputs: node.inputs.flatMap((value) => (value ? [reference(value)] : [])),
      }),
    ),
  ]
  return toBinary(GraphDefSchema, create(GraphDefSchema, { node: nodes, versions: { producer: 22 } }))
}

function nodeDef(name: string, op: string, { outputs, inputs }: { outputs: readonly Value[]; inputs: string[] }): NodeDef {
  return create(NodeDefSchema, { name, op, input: inputs, attr: { _output_shapes: shapes(outputs) } })
}

/** Edges are labelled with these. */
function shapes(values: readonly Value[]): AttrValue {
  const shape = values.map((value) => ({ dim: value.shape.map((size) => ({ size: BigInt(size ?? -1) })) }))
  return create(AttrValueSchema, { value: { case: 'list', value: { shape } } })
}

/** TensorFlow's names begin with a letter, digit or dot, and hold few signs. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9_./>-]/g, '_').replace(/^[^A-Za-z0-9.]/, '.$&')
}
