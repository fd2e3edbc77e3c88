/** @file What a kind of layer is: a row with its weights, its output shape and the operators that it becomes. */
import type { Dim } from '../tensor/index.ts'
import type { Tape, Value } from '../graph/index.ts'
import type { Variable, VariableSpec } from './variable.ts'

/** Keras's shapes: batch first, channels last. */
export type KerasShape = readonly Dim[]

/**
 * One kind of layer. Public shapes are Keras's; in the graph, values with four axes are N,C,H,W.
 *
 * `C` is its configuration: Keras's arguments in camelCase with the defaults filled in. It must be plain data, for it is
 * what model files hold.
 */
export interface LayerKind<C extends object = object> {
  /** Keras's class name. */
  readonly className: string
  /** Least and greatest number of inputs. Default 1. */
  readonly inputs?: readonly [number, number]
  /** In Keras's order: gamma, beta, moving_mean, moving_variance; kernel, bias. */
  weights?(config: C, shapes: readonly KerasShape[]): readonly VariableSpec[]
  /** Keras's shape of the output; throws where the inputs do not fit. */
  outputShape(config: C, shapes: readonly KerasShape[]): KerasShape
  /** Records what the layer computes. */
  lower(context: Lowering<C>): Value
  /** Files that Keras writes hold arguments that are implied here. */
  readonly kerasConfig?: (config: C) => Readonly<Record<string, unknown>>
}

/** What a layer sees when it becomes operators. */
export interface Lowering<C extends object = object> {
  /** Where operators are recorded. */
  readonly tape: Tape
  /** Of the layer. */
  readonly name: string
  /** Of the layer. */
  readonly config: C
  /** In the graph's layout. */
  readonly inputs: readonly Value[]
  /** The only input, or the first. */
  readonly x: Value
  /** Keras's shapes of the inputs, all but the batch known. */
  readonly shapes: readonly KerasShape[]
  /** The layer's own mode: false in inference, and for a batch norm whose layer is frozen. */
  readonly training: boolean
  /** The value of a weight of the layer, by its name. */
  readonly weight: (name: string) => Value
  /** Says that a step of training leaves a new value in the weight (moving statistics), made of what an earlier call of the layer left there. */
  readonly update: (name: string, next: (old: Value) => Value) => void
  /** Keeps each element with probability 1 − rate and scales it by 1/(1 − rate); fed anew at each step. */
  readonly randomMask: (shape: KerasShape, rate: number) => Value
}

export type { Variable }
