/** @file Fills a freshly built network from a released or a given weight file. */
import { loadWeightsFile } from '../formats/keras/index.ts'
import type { Model } from '../training/index.ts'
import { loadEmbeddedWeights } from './embedded.ts'
import { fetchWeights, type FetchWeightsOptions } from './fetch-weights.ts'
import type { Network } from './network.ts'
import { releaseOf } from './releases.ts'

/** How a released file is fetched. */
export type WeightsProgress = Pick<FetchWeightsOptions, 'signal' | 'onProgress'>

interface Wanted extends WeightsProgress {
  readonly weights: string
  readonly includeTop: boolean
  /** The height that the wanted weights were made for. */
  readonly rows: number | null
}

/**
 * Assigns every weight of the model. The older ResNet50 file of the same name is told by its layers and put in order. Throws NETWORK and
 * CANCELED when a file cannot be fetched, FILE when it cannot be read, WEIGHTS when it does not fit.
 */
export async function loadApplicationWeights(target: Model, network: Network, wanted: Wanted): Promise<void> {
  if (wanted.weights === 'embedded') return loadEmbeddedWeights(target)
  const path = wanted.weights === 'imagenet' ? await releasedFile(network, wanted) : wanted.weights
  loadWeightsFile(target, path, { network: network.id })
}

async function releasedFile({ id, releasedWidth, otherSizes }: Network, { includeTop, rows, signal, onProgress }: Wanted): Promise<string> {
  const size = otherSizes ? { rows: rows ?? undefined } : {}
  const { path } = await fetchWeights(releaseOf(id, { includeTop, alpha: releasedWidth, ...size }), { signal, onProgress })
  return path
}
