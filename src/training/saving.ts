/** @file Writes a model's weights. */
import { RootstockError } from '../errors.ts'
import { writeWeightsH5, type SavedLayer } from '../formats/keras/index.ts'
import type { Functional } from '../models/index.ts'

/** Writes `.weights.h5` (Keras 3) or another `.h5` (Keras 1 and 2); whole or not at all. */
export async function saveWeightsFile(model: Functional, path: string): Promise<void> {
  const layers = model.layers.map((layer): SavedLayer => ({
    name: layer.name,
    className: layer.className,
    weights: layer.weights.map((weight) => ({ name: weight.name, tensor: weight.value() })),
  }))
  await writeWeightsH5(path, layers, { modelName: model.name })
}

/** Writes a whole model. */
export async function saveModelFile(model: Functional, path: string): Promise<void> {
  if (path.endsWith('.weights.h5')) return saveWeightsFile(model, path)
  throw new RootstockError('USAGE', `Cannot save ${model.name} to ${path}: expected a name that ends in .weights.h5`, {
    hint: 'Use saveWeights',
  })
}
