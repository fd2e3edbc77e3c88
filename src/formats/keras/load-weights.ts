/** @file Fills a model from a weight file, one tensor at a time, so that a large file is never held whole. */
import { roomFor, type Variable } from '../../layers/index.ts'
import { Functional } from '../../models/index.ts'
import { passing } from '../../tensor/index.ts'
import { matchWeights, requireMatch } from './match-weights.ts'
import type { ExpectedLayer, LayerPlace, PairOptions, WeightMatch } from './match-weights.ts'
import { openWeightFile } from './weight-file.ts'
import type { WeightFile } from './weight-file.ts'
import { isAutoName, nextAddress } from './weight-names.ts'

/** Options of `loadWeightsFile`. */
export interface LoadWeightsOptions extends PairOptions {
  /** What the messages call the model. Default its name. */
  readonly network?: string
}

/**
 * Assigns the tensors of a weight file (its path or its bytes) to a model, and returns the account of every tensor. Throws FILE and
 * WEIGHTS; a file that does not fit changes nothing, but damage or numbers that are not finite show only when they are reached.
 */
export function loadWeightsFile(model: Functional, source: string | Uint8Array, options: LoadWeightsOptions = {}): WeightMatch {
  const file = openWeightFile(source)
  try {
    return assignWeights(model, file, options)
  } finally {
    file.close()
  }
}

/** The same from tensors of any origin; they become the model's own. */
export function assignWeights(
  model: Functional,
  file: Pick<WeightFile, 'name' | 'kind' | 'layers'>,
  options: LoadWeightsOptions = {},
): WeightMatch {
  const match = matchWeights(file, expectedLayers(model), options)
  requireMatch(match, file, options.network ?? model.name)
  const variables = new Map<unknown, Variable>(model.weights.map((variable) => [variable, variable]))
  const room = roomFor(match.assignments.flatMap(({ weight }) => variables.get(weight) ?? []))
  for (const { weight, read } of match.assignments) {
    const variable = variables.get(weight)
    const values = read()
    variable?.take(values, room.get(variable))
    if (room.size > 0) passing(values.data.byteLength)
  }
  return match
}

/** The layers of a model that take weights, those of nested models in their place; what several models share, in each of them. */
export function expectedLayers(model: Functional): ExpectedLayer[] {
  return layersIn(model, { address: '', functionalAddress: '', names: [], isNamed: true })
}

function layersIn(model: Functional, around: LayerPlace): ExpectedLayer[] {
  const [counts, functionalCounts] = [new Map<string, number>(), new Map<string, number>()]
  return model.layers.flatMap((layer): ExpectedLayer[] => {
    const { name, className, weights } = layer
    const isModel = layer instanceof Functional
    const own = nextAddress(counts, className)
    const functional = nextAddress(functionalCounts, isModel ? 'Functional' : className)
    const place = { ...around, address: around.address + own, functionalAddress: around.functionalAddress + functional, names: [...around.names, name] } // prettier-ignore
    if (!isModel) return weights.length === 0 ? [] : [{ layer: name, className, weights, place }]
    const isNamed = around.isNamed && !isAutoName(name, className)
    return layersIn(layer, { ...place, address: `${place.address}/`, functionalAddress: `${place.functionalAddress}/`, isNamed })
  })
}
