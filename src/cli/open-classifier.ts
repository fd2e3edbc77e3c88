/** @file Finds what MODEL means: the folder or file of a classifier, or the name of a network. */
import { stat } from 'node:fs/promises'
import { RootstockError, unknownName } from '../errors.ts'
import type { PreprocessMode } from '../image/index.ts'
import type { Classifier, PretrainedOptions } from '../transfer/index.ts'
import type { CommandInput, Flags } from './command.ts'
import { trainingProgress } from './progress.ts'

/** Flags that say how a network is built, or what a Keras model does not say of itself. */
export interface BuildingFlags {
  readonly alpha?: number
  readonly size?: number
  readonly weights?: string
  readonly labels?: string
  readonly preprocessing?: PreprocessMode
}

/** Where progress is shown, and what stops it. */
export type Watching = Pick<CommandInput<Flags>, 'terminal' | 'signal'>

/** What MODEL may be, for the help of commands. */
export const MODEL_KINDS = 'The folder of a run, a classifier.onnx, a .keras or .h5 model, or the name of a network'

/** Opens MODEL. Throws what the library throws, UNKNOWN_NAME for what is neither a path nor a network, USAGE for flags that MODEL settles. */
export async function openClassifier(model: string, flags: BuildingFlags, watching?: Watching): Promise<Classifier> {
  const { alpha, weights, labels, preprocessing, size } = flags
  if (await isNetwork(model)) {
    refuse({ labels, preprocessing }, model, 'the network settles that itself')
    const { pretrainedClassifier } = await import('../transfer/pretrained.ts')
    return watched(watching, (told) =>
      pretrainedClassifier(model, { ...told, ...(alpha && { alpha }), ...(weights && { weights }), ...(size && { size }) }),
    )
  }
  refuse({ alpha, weights }, model, 'a trained classifier settles that itself, expected the name of a network')
  const { loadClassifier } = await import('../transfer/load-classifier.ts')
  return loadClassifier(model, { ...(labels && { labels }), ...(preprocessing && { preprocessing }), ...(size && { size }) })
}

/** A classifier that answers, and what keeps it ready for the next process. */
export interface Answering {
  readonly classifier: Classifier
  /** Does nothing where it was ready already, or needs no preparation. */
  keep(): Promise<void>
}

/** As `openClassifier`, for predictions alone: a network that an earlier process prepared is opened without its layers. */
export async function openAnswering(model: string, flags: BuildingFlags, watching: Watching): Promise<Answering> {
  const { alpha, weights, size, labels, preprocessing } = flags
  const request = { network: model, alpha, weights, size }
  const { keepPrepared, openPrepared } = await import('../transfer/prepared.ts')
  const nothing = (): Promise<void> => Promise.resolve()
  const ready = labels === undefined && preprocessing === undefined ? await openPrepared(request) : undefined
  if (ready) return { classifier: ready, keep: nothing }
  const classifier = await openClassifier(model, flags, watching)
  return { classifier, keep: (await isNetwork(model)) ? () => keepPrepared(request, classifier) : nothing }
}

/** A download is shown and can be stopped. */
async function watched(watching: Watching | undefined, open: (told: PretrainedOptions) => Promise<Classifier>): Promise<Classifier> {
  if (!watching) return open({})
  const progress = trainingProgress(watching.terminal.progress)
  try {
    return await open({ onEvent: progress.onEvent, signal: watching.signal })
  } finally {
    progress.finish()
  }
}

function refuse(flags: Readonly<Record<string, unknown>>, model: string, why: string): void {
  const [flag] = Object.keys(flags).filter((name) => flags[name] !== undefined)
  if (flag === undefined) return
  throw new RootstockError('USAGE', `Cannot use --${flag} with ${model}: ${why}`, { hint: `Leave --${flag} out` })
}

/** Whether MODEL names a network; a path that exists or looks like one does not. Throws UNKNOWN_NAME where it is neither. */
export async function isNetwork(model: string): Promise<boolean> {
  const { networkNames, networkOf } = await import('../applications/index.ts')
  try {
    networkOf(model)
    return true
  } catch (error) {
    if (!(error instanceof RootstockError)) throw error
  }
  if (/[/\\.]/.test(model) || (await stat(model).catch(() => undefined))) return false
  throw unknownName('network or run folder', model, networkNames)
}
