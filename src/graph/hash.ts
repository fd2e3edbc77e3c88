/** @file One hash for everything that a graph computes: operators, attributes, wiring and numbers, but no names. */
import { createHash, type Hash } from 'node:crypto'
import { showShape, sizeOf, type Shape, type Tensor } from '../tensor/index.ts'
import type { Graph, Value } from './graph.ts'
import { eachPart } from './parts.ts'

/** SHA-256, hexadecimal. Two graphs that differ only in the names of their nodes and values have the same hash. */
export function graphHash(graph: Graph): string {
  const hash = createHash('sha256')
  const numbers = new Map<Value, number>()
  const number = (value: Value): number => {
    const known = numbers.get(value)
    if (known !== undefined) return known
    const next = numbers.size
    numbers.set(value, next)
    hash.update(`|${next}:${value.dtype}${showShape(value.shape)}`)
    const constant = graph.constants.get(value)
    const parameter = graph.parameters.get(value)
    if (constant) addNumbers(hash, constant)
    else if (parameter?.parts) eachPart(parameter.parts(), sizeOf(value.shape as Shape), (data) => void addNumbers(hash, { data }))
    else if (parameter) addNumbers(hash, parameter.data())
    return next
  }
  for (const input of graph.inputs) number(input)
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const from = inputs.map((input) => (input ? number(input) : '-'))
    hash.update(`|${op}(${from.join()})${JSON.stringify(attributes)}`)
    hash.update(`=${outputs.map(number).join()}`)
  }
  hash.update(`|out:${graph.outputs.map(number).join()}`)
  return hash.digest('hex')
}

function addNumbers(hash: Hash, { data }: Pick<Tensor, 'data'>): void {
  hash.update(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength))
}
