/** @file The model that users hold: Keras's functional model with its verbs. Each verb is a file of its own. */
import type { Tensor } from '../tensor/index.ts'
import { Functional, type ModelOptions } from '../models/index.ts'
import { Predictor } from './predict.ts'

/** A functional model that computes. */
export class Model extends Functional {
  readonly #predictor: Predictor

  constructor(options: ModelOptions) {
    super(options)
    this.#predictor = new Predictor(this)
  }

  /** The first output for every sample of `x` [n, …]; in Keras's layout. */
  async predict(x: Tensor<'float32'>, options: { readonly batchSize?: number } = {}): Promise<Tensor<'float32'>> {
    const [first] = await this.#predictor.run([x], options.batchSize)
    return first!
  }

  /** All outputs for every sample, given one tensor per input. */
  async predictAll(inputs: readonly Tensor<'float32'>[], options: { readonly batchSize?: number } = {}): Promise<Tensor<'float32'>[]> {
    return this.#predictor.run(inputs, options.batchSize)
  }
}

/** A model from symbolic inputs to symbolic outputs, as Keras's `Model(inputs, outputs)`. */
export function model(options: ModelOptions): Model {
  return new Model(options)
}
