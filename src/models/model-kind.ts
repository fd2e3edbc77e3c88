/** @file The kind of a model that is used as a layer. Lowering sees through it (lower.ts), so it has no operators of its own. */
import { RootstockError } from '../errors.ts'
import type { LayerKind } from '../layers/index.ts'

const inside = (): never => {
  throw new RootstockError('USAGE', 'A nested model is lowered layer by layer')
}

export const modelKind: LayerKind = { className: 'Functional', inputs: [1, Infinity], outputShape: inside, lower: inside }

/** A model that a file calls Sequential: it is made, called and lowered as any other, and written again as what it was. */
export const sequentialKind: LayerKind = { ...modelKind, className: 'Sequential' }
