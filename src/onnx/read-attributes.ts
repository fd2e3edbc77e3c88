/** @file The attributes of a node of an ONNX file: exactly those of its operator, each of its kind and within bounds. */
import type { AttributeKind, Operator, Value } from '../graph/index.ts'
import type { AttributeProto, NodeProto } from './generated/onnx_pb.ts'
import { dtypeOf } from './read-tensor.ts'
import { attributeTypes } from './types.ts'
import { Unfit } from './unfit.ts'

/** Sizes, strides and axes are far smaller. */
const mostInteger = 2 ** 31
const mostIntegers = 16

/** Attributes by name. `kernel_shape` of convolutions, which the weight has too, is left out. */
export function readAttributes(node: NodeProto, row: Operator, inputs: readonly (Value | null)[]): Readonly<Record<string, unknown>> {
  const kinds = row.attributes as Readonly<Record<string, AttributeKind>>
  const given = new Map(node.attribute.map((attribute) => [attribute.name, attribute]))
  const kernel = given.get('kernel_shape')
  if (kernel && !('kernel_shape' in kinds)) {
    const wanted = inputs[1]?.shape.slice(2).join() ?? ''
    if (kernel.ints.join() !== wanted)
      throw new Unfit(`the kernel_shape of "${node.name}" is ${kernel.ints.join()}, its weight has ${wanted}`)
    given.delete('kernel_shape')
  }
  const names = Object.keys(kinds)
  if (given.size !== names.length || names.some((name) => !given.has(name))) {
    throw new Unfit(`"${node.name}" has the attributes ${[...given.keys()].join(', ')}, expected ${names.join(', ')}`)
  }
  return Object.fromEntries([...given].map(([name, attribute]) => [name, read(attribute, kinds[name] ?? 'int')]))
}

function read(attribute: AttributeProto, kind: AttributeKind): unknown {
  const isKind = Number(attribute.type) === attributeTypes[kind === 'dtype' ? 'int' : kind]
  if (!isKind) throw new Unfit(`the attribute ${attribute.name} is not of its kind`)
  switch (kind) {
    case 'int':
      return integer(attribute.i)
    case 'ints':
      if (attribute.ints.length > mostIntegers) throw new Unfit(`the attribute ${attribute.name} has ${attribute.ints.length} numbers`)
      return attribute.ints.map(integer)
    case 'float':
      if (!Number.isFinite(attribute.f)) throw new Unfit(`the attribute ${attribute.name} is not finite`)
      return attribute.f
    case 'floats':
      throw new Unfit(`the attribute ${attribute.name} has no operator that a classifier needs`)
    case 'string':
      return new TextDecoder().decode(attribute.s)
    case 'dtype':
      return dtypeOf(integer(attribute.i))
  }
}

function integer(value: bigint | undefined): number {
  const number = Number(value ?? 0n)
  if (Math.abs(number) < mostInteger) return number
  throw new Unfit(`an attribute is ${number}`)
}
