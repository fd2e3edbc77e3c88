/** @file The layers of a model with their weights, as the writers of files take them. */
import type { Layer, Variable } from '../../layers/index.ts'
import { Functional } from '../../models/index.ts'
import { passing } from '../../tensor/index.ts'
import type { SavedLayer, SavedWeight } from './write-weights.ts'

/** All layers in the model's order; nested models keep theirs. */
export function savedLayers(model: Functional): SavedLayer[] {
  return model.layers.map(savedLayer)
}

function savedLayer(layer: Layer): SavedLayer {
  const { name, className } = layer
  if (layer instanceof Functional) return { name, className, weights: [], layers: savedLayers(layer) }
  return { name, className, weights: layer.weights.map(savedWeight) }
}

const ids = new WeakMap<Variable, number>()
let made = 0

/** No two weights share one, and a weight has another after every change. */
function versionOf(weight: Variable): string {
  const id = ids.get(weight) ?? made++
  ids.set(weight, id)
  return `${id}/${weight.version}`
}

/** Weights take Keras's layout when the writer comes to them, so that they are not all held twice; it writes them at once, so they are not copied. */
function savedWeight(weight: Variable): SavedWeight {
  return {
    name: weight.name,
    shape: weight.shape,
    trainable: weight.trainable,
    version: versionOf(weight),
    get tensor() {
      const value = weight.graphValue()
      const turned = weight.toKerasLayout(value)
      if (turned !== value) passing(turned.data.byteLength)
      return turned
    },
  }
}
