/** @file Which weights a training begins with, where the user does not say: ImageNet's if they can be had, else those in the package. */
import { RootstockError } from '../errors.ts'
import { embeddedNetwork, fetchWeights, networkOf, releaseOf } from '../applications/index.ts'
import type { TrainingEvent } from '../training/index.ts'
import { downloadEvents } from './work-progress.ts'
import type { TrainClassifierOptions } from './options.ts'

/** Options whose weights are settled, and what is to be told of it. */
export interface SettledOptions {
  readonly options: TrainClassifierOptions
  readonly notice?: string
}

/**
 * Fills in width and size of the embedded network where it is asked for. Where `weights` is left out, makes sure of the ImageNet weights and
 * takes the embedded ones, with a notice, when they are neither on this machine nor to be fetched. Throws CANCELED, FILE and WEIGHTS.
 */
export async function settleWeights(options: TrainClassifierOptions): Promise<SettledOptions> {
  const { network = embeddedNetwork.network, alpha, weights } = options
  const isOther = networkOf(network).id !== embeddedNetwork.network || (alpha !== undefined && alpha !== embeddedNetwork.alpha)
  if (isOther || (weights !== undefined && weights !== 'embedded')) return { options }
  if (weights === 'embedded') return { options: embedded(options) }
  try {
    await fetchReleased(options)
    return { options }
  } catch (error) {
    if (!(error instanceof RootstockError) || error.code !== 'NETWORK') throw error
    return { options: embedded(options), notice: noticeOf(error) }
  }
}

function embedded(options: TrainClassifierOptions): TrainClassifierOptions {
  const { alpha, size } = embeddedNetwork
  return { ...options, weights: 'embedded', alpha, size: options.size ?? size }
}

/** The file that the network will read. */
async function fetchReleased({ alpha, size, signal, onEvent }: TrainClassifierOptions): Promise<void> {
  const { otherSizes = [] } = networkOf(embeddedNetwork.network)
  const rows = size !== undefined && otherSizes.includes(size) ? size : undefined
  await fetchWeights(releaseOf(embeddedNetwork.network, { includeTop: false, alpha, rows }), {
    signal,
    onProgress: downloadEvents(onEvent),
  })
}

function noticeOf({ message, hint }: RootstockError): string {
  const { alpha, size } = embeddedNetwork
  const instead = `Training on the small network inside the package (mobilenet, alpha ${alpha}, ${size} px), which knows much less than ImageNet's`
  return `${instead}, because: ${message}. ${hint ?? ''}; --weights imagenet insists on them, --weights embedded says that this is meant`
}

/** Tells `emit`; where nobody listens to the run, standard error. */
export function tellNotice(notice: string | undefined, { onEvent }: TrainClassifierOptions, emit: (event: TrainingEvent) => void): void {
  if (notice === undefined) return
  emit({ type: 'warning', message: notice, by: 'weights' })
  if (!onEvent) process.emitWarning(notice, 'RootstockWarning')
}
