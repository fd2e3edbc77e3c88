/** @file A tensor that has no numbers yet: what layers are called with, and what they return, while a model is put together. */
import type { Dim } from '../tensor/index.ts'
import type { Layer } from './layer.ts'

/** One call of one layer. */
export interface LayerCall {
  /** The layer that was called. */
  readonly layer: Layer
  /** What it was called on. */
  readonly inputs: readonly SymbolicTensor[]
  /** What it returned. */
  readonly output: SymbolicTensor
  /** Overrides the mode of this call while the model trains, as in Keras's `base(x, training=False)`. */
  readonly training: boolean | undefined
}

/** A place in a model: Keras's shape (batch first, channels last; null is Keras's None) and the call that makes it. */
export interface SymbolicTensor {
  /** Keras's, batch first; null for any size. */
  readonly shape: readonly Dim[]
  /** Type of its numbers. */
  readonly dtype: 'float32'
  /** Of the layer that made it. */
  readonly name: string
  /** Where it comes from. */
  readonly call: LayerCall
}
