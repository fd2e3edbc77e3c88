/** @file Fills a freshly built network from a released or a given weight file. */
import { RootstockError } from '../errors.ts'
import type { Dim } from '../tensor/index.ts'
import type { Model } from '../training/index.ts'
import type { Network } from './network.ts'

export interface WeightsProgress {
  /** Stops a download. */
  readonly signal?: AbortSignal
}

interface Wanted<X> extends WeightsProgress {
  readonly weights: string
  readonly includeTop: boolean
  readonly extra: X
  readonly shape: readonly Dim[]
}

export async function loadApplicationWeights<X extends object>(target: Model, network: Network<X>, wanted: Wanted<X>): Promise<void> {
  await Promise.reject(new RootstockError('WEIGHTS', `not yet: ${target.name} ${network.id} ${wanted.weights}`))
}
