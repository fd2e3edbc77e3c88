/** @file What a network is: a row of facts, a function that draws its body, and one that draws its top. */
import type { SymbolicTensor } from '../layers/index.ts'
import type { PreprocessMode } from '../image/index.ts'

/** What the bodies and tops of all networks know when they are drawn. */
export interface Drawing {
  readonly classes: number
  /** Null leaves logits. */
  readonly classifierActivation: string | null
}

/** One network of keras.applications. `X` are the arguments that only this network has. */
export interface Network<X extends object = Record<never, never>> {
  /** The name in the API and on the command line. */
  readonly id: string
  /** The name that Keras gives the model. */
  readonly modelName: (extra: X, rows: number | null) => string
  /** Height and width it was trained at, in pixels. */
  readonly defaultSize: number
  /** Least height and width without the top. */
  readonly leastSize: number
  readonly preprocessing: PreprocessMode
  readonly defaults: X
  /** From pixels to the last feature map. */
  readonly body: (x: SymbolicTensor, extra: X) => SymbolicTensor
  /** From the last feature map to class probabilities. */
  readonly top: (x: SymbolicTensor, drawing: Drawing, extra: X) => SymbolicTensor
  /** Checks arguments that only this network has. */
  readonly check?: (extra: X) => void
}
