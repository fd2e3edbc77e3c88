/**
 * @file The part of a graph that makes values number by number from others of the same size. One loop over memory can compute it, where
 * operators take one pass each; optimizers consist of little else.
 */
import { sizeOf } from '../../tensor/index.ts'
import type { Graph, Node, Value } from '../graph.ts'
import { producers } from '../graph.ts'
import type { OpName } from '../operators/signatures.ts'
import { sizes } from '../operators/shapes.ts'
import { views } from './in-place.ts'

/** Operators that a loop can compute. */
export const loopOps = ['Abs', 'Add', 'Div', 'Max', 'Min', 'Mul', 'Neg', 'Sign', 'Sqrt', 'Sub'] as const
/** One of `loopOps`. */
export type LoopOp = (typeof loopOps)[number]

/** One operation of a loop. */
export interface LoopNode {
  /** What is computed of each number. */
  readonly op: LoopOp
  /** Results of earlier operations, or what the loop reads. */
  readonly inputs: readonly Value[]
  /** Stands for the result in later operations. */
  readonly output: Value
}

/** What a loop reads and computes. Values are those of the graph; their shapes do not matter, only whether they are one number or all. */
export interface Loop {
  /** Numbers of each of `arrays` and `results`. */
  readonly size: number
  /** Read number by number. */
  readonly arrays: readonly Value[]
  /** Single numbers that are given at each run. */
  readonly numbers: readonly Value[]
  /** Single numbers that are known. */
  readonly constants: ReadonlyMap<Value, number>
  /** In an order in which they can be computed. */
  readonly nodes: readonly LoopNode[]
  /** One for each of the wanted values. */
  readonly results: readonly Value[]
}

/**
 * The loop that makes `wanted`, which have one size. It begins at values that `isGiven` names, which have it too, and at those that no loop
 * can compute. Undefined where a value of another size takes part.
 */
export function loopFor(
  graph: Pick<Graph, 'nodes' | 'constants'>,
  wanted: readonly Value[],
  isGiven: (value: Value) => boolean,
): Loop | undefined {
  const makers = producers(graph)
  const size = sizeOf(sizes(wanted[0]!))
  const loop = { arrays: new Set<Value>(), numbers: new Set<Value>(), constants: new Map<Value, number>(), nodes: [] as LoopNode[] }
  const known = new Map<Value, Value>()
  let fits = true

  const take = (value: Value): Value => {
    const found = known.get(value)
    if (found) return found
    const taken = takeAnew(value)
    known.set(value, taken)
    return taken
  }
  const takeAnew = (value: Value): Value => {
    const maker = isGiven(value) ? undefined : makers.get(value)
    if (maker && views.includes(maker.op)) return take(maker.inputs[0]!)
    if (maker && isLoopNode(maker, size)) {
      loop.nodes.push({ op: maker.op, inputs: maker.inputs.map((input) => take(input!)), output: value })
      return value
    }
    const length = sizeOf(sizes(value))
    const constant = graph.constants.get(value)
    if (constant && length === 1) loop.constants.set(value, Number(constant.data[0]))
    else if (constant || (length !== 1 && length !== size)) fits = false
    else (length === 1 && !isGiven(value) ? loop.numbers : loop.arrays).add(value)
    return value
  }

  const results = wanted.map(take)
  return fits && wanted.every((value) => sizeOf(sizes(value)) === size)
    ? { ...loop, size, arrays: [...loop.arrays], numbers: [...loop.numbers], results }
    : undefined
}

function isLoopNode(node: Node, size: number): node is Node<LoopOp> {
  const fits = (value: Value | null): boolean => value !== null && [1, size].includes(sizeOf(sizes(value)))
  const isBinary = node.op === 'Max' || node.op === 'Min' ? node.inputs.length === 2 : true
  return (loopOps as readonly OpName[]).includes(node.op) && isBinary && [...node.inputs, ...node.outputs].every(fits)
}
