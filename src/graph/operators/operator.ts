/** @file What an operator is: how its output shape follows from its inputs, and how gradients flow back through it. */
import type { Tensor } from '../../tensor/index.ts'
import type { Tape } from '../tape.ts'
import type { Value, ValueType } from '../graph.ts'
import type { Attributes, InputName, OpName } from './signatures.ts'

/** How one attribute is written in an ONNX file. */
export type AttributeKind = 'int' | 'ints' | 'float' | 'floats' | 'string' | 'dtype'

/** What a shape rule sees. */
export interface ShapeContext<K extends OpName> {
  /** Inputs in order; null where an optional one is left out. */
  readonly inputs: readonly (ValueType | null)[]
  readonly attributes: Attributes[K]
  /** The numbers of input i, where they are constant (axes, shapes). */
  constant(i: number): Tensor | undefined
}

/** What a gradient rule sees; `dy` is the gradient of the loss by the first output. */
export interface GradientContext<K extends OpName> {
  readonly tape: Tape
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly attributes: Attributes[K]
  readonly dy: Value
  /** Which input the rule is asked for; differs from the rule's own position only in variadic operators. */
  readonly index: number
}

/** dL/d(input) from dL/d(output), written as further nodes on the tape. It must have the input's shape. */
export type GradientRule<K extends OpName> = (context: GradientContext<K>) => Value

/** Says, with its reason, that nothing flows back into an input. */
export interface NoGradient {
  readonly none: string
}

/** One row of the table: everything the graph knows of an operator. */
export interface Operator<K extends OpName = OpName> {
  /** Input names in ONNX's order. */
  readonly inputs: readonly InputName<K>[]
  /** The last input may repeat. */
  readonly variadic?: true
  /** ONNX's own operators have none. */
  readonly domain?: 'com.microsoft' | 'com.microsoft.nchwc'
  /** Its name in that domain, where another operator has the same one. */
  readonly onnxName?: string
  /** Its attributes and their kinds. */
  readonly attributes: { readonly [A in keyof Attributes[K]]-?: AttributeKind }
  /** Types of the outputs for inputs of these types; throws where they do not fit. */
  readonly shape: (context: ShapeContext<K>) => readonly ValueType[]
  /** A rule for each input, or the reason why there is none. */
  readonly gradient: { readonly [I in InputName<K>]: GradientRule<K> | NoGradient }
}
