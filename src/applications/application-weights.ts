/** @file Fills a freshly built network from a released or a given weight file. */
import { RootstockError } from '../errors.ts'
import type { Model } from '../training/index.ts'
import type { FetchWeightsOptions } from './fetch-weights.ts'
import type { Network } from './network.ts'

/** How a weight file is fetched. */
export type WeightsProgress = Pick<FetchWeightsOptions, 'signal' | 'onProgress'>

interface Wanted extends WeightsProgress {
  readonly weights: string
  readonly includeTop: boolean
  /** The size that the wanted weights were made for. */
  readonly rows: number | null
}

/** Assigns every weight of the model, or throws WEIGHTS and leaves the model unusable. */
export async function loadApplicationWeights(target: Model, network: Network, wanted: Wanted): Promise<void> {
  await Promise.reject(new RootstockError('WEIGHTS', `not yet: ${target.name} ${network.id} ${wanted.weights}`))
}
