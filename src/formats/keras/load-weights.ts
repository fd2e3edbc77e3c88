/** @file Fills a model from a weight file, one tensor at a time, so that a large file is never held whole. */
import { RootstockError } from '../../errors.ts'
import type { Layer, Variable } from '../../layers/index.ts'
import { Functional } from '../../models/index.ts'
import { matchWeights, requireMatch, type ExpectedLayer, type MatchOptions, type WeightMatch } from './match-weights.ts'
import { openWeightFile } from './weight-file.ts'
import type { WeightFile } from './weight-file.ts'

/** Options of `loadWeightsFile`. */
export interface LoadWeightsOptions extends MatchOptions {
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
  const variables = variablesByPath(model)
  for (const { path, read } of match.assignments) variables.get(path)?.take(read())
  return match
}

/** The layers of a model that take weights, those of nested models in their place. */
export function expectedLayers(model: Functional): ExpectedLayer[] {
  return leaves(model).map((layer) => ({ layer: layer.name, className: layer.className, weights: layer.weights }))
}

function variablesByPath(model: Functional): Map<string, Variable> {
  const variables = new Map<string, Variable>()
  for (const weight of model.weights) {
    if (variables.has(weight.path)) {
      throw new RootstockError('USAGE', `Cannot load weights into ${model.name}: two nested models have a weight "${weight.path}"`, {
        hint: 'Load each nested model on its own',
      })
    }
    variables.set(weight.path, weight)
  }
  return variables
}

function leaves(model: Functional): Layer[] {
  const all = model.layers.flatMap((layer) => (layer instanceof Functional ? leaves(layer) : [layer]))
  return [...new Set(all)].filter((layer) => layer.weights.length > 0)
}
