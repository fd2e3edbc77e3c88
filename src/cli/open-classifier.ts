/** @file Finds what MODEL means: the folder or file of a classifier, or the name of a network. */
import { stat } from 'node:fs/promises'
import { RootstockError, unknownName } from '../errors.ts'
import type { Classifier } from '../transfer/index.ts'

/** Flags that say how a network is built. */
export interface BuildingFlags {
  readonly alpha?: number
  readonly size?: number
  readonly weights?: string
}

/** Opens MODEL. Throws what the library throws, UNKNOWN_NAME for what is neither a path nor a network, USAGE for flags that a run settles. */
export async function openClassifier(model: string, building: BuildingFlags): Promise<Classifier> {
  const { loadClassifier, pretrainedClassifier } = await import('../transfer/index.ts')
  if (await isNetwork(model)) return pretrainedClassifier(model, building)
  const [flag] = Object.keys(building)
  if (flag !== undefined) {
    throw new RootstockError(
      'USAGE',
      `Cannot use --${flag} with ${model}: a trained classifier settles that itself, expected the name of a network`,
      {
        hint: `Leave --${flag} out`,
      },
    )
  }
  return loadClassifier(model)
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
