/** @file Checks that a graph is whole: order, names, shapes. Passes are tested with it; the error names the node. */
import { RootstockError } from '../errors.ts'
import { sameShape, showShape } from '../tensor/index.ts'
import type { Graph, Node, Value } from './graph.ts'
import type { Operator } from './operators/operator.ts'
import { operators } from './operators/table.ts'

/** Throws when a value is read before it is made or has another shape than its operator gives it, or when a name repeats. */
export function verify(graph: Graph): void {
  const known = new Set<Value>([...graph.inputs, ...graph.constants.keys(), ...graph.parameters.keys()])
  const names = new Set<string>()
  for (const value of known) claim(names, value.name, 'value')
  for (const node of graph.nodes) {
    claim(names, node.name, `node ${node.op}`)
    verifyNode(graph, node, known)
    for (const output of node.outputs) {
      claim(names, output.name, `output of ${node.op} "${node.name}"`)
      known.add(output)
    }
  }
  for (const output of graph.outputs) {
    if (!known.has(output)) throw new RootstockError('SHAPE', `Invalid graph: no node makes the output "${output.name}"`)
  }
}

function verifyNode(graph: Graph, node: Node, known: ReadonlySet<Value>): void {
  const where = `Invalid graph: ${node.op} "${node.name}"`
  const row = operators[node.op] as unknown as Operator | undefined
  if (!row) throw new RootstockError('SHAPE', `${where} is not a known operator`)
  if (!row.variadic && node.inputs.length > row.inputs.length) {
    throw new RootstockError('SHAPE', `${where} has ${node.inputs.length} inputs, expected at most ${row.inputs.length}`)
  }
  for (const input of node.inputs) {
    if (input && !known.has(input)) throw new RootstockError('SHAPE', `${where} reads "${input.name}" before it is made`)
  }
  const types = inferred(graph, node, row, where)
  node.outputs.forEach((output, i) => {
    const type = types[i]
    if (!type || !sameShape(type.shape, output.shape) || type.dtype !== output.dtype) {
      const expected = type ? `${type.dtype}${showShape(type.shape)}` : 'no such output'
      throw new RootstockError('SHAPE', `${where}: output ${i} is ${output.dtype}${showShape(output.shape)}, its inputs give ${expected}`)
    }
  })
}

function inferred(graph: Graph, node: Node, row: Operator, where: string): readonly { shape: Value['shape']; dtype: Value['dtype'] }[] {
  try {
    const constant = (i: number): ReturnType<Graph['constants']['get']> =>
      node.inputs[i] ? graph.constants.get(node.inputs[i]) : undefined
    return row.shape({ inputs: node.inputs, attributes: node.attributes, constant })
  } catch (error) {
    throw new RootstockError('SHAPE', `${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function claim(names: Set<string>, name: string, what: string): void {
  if (names.has(name)) throw new RootstockError('SHAPE', `Invalid graph: the name "${name}" of ${what} repeats`)
  names.add(name)
}
