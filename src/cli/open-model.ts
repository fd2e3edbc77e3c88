/** @file Finds the model that MODEL means, for commands that look at layers and need no photos. */
import { extname } from 'node:path'
import { stat } from 'node:fs/promises'
import { RootstockError } from '../errors.ts'
import type { Model } from '../training/index.ts'
import { isNetwork, openClassifier, type BuildingFlags } from './open-classifier.ts'

/** How a network is built. */
export interface ModelFlags extends Pick<BuildingFlags, 'alpha' | 'size'> {
  readonly noTop?: boolean
}

/** Files that hold whole models. */
const MODEL_FILES = ['.keras', '.h5', '.json']

/** A network with random weights, the model of a run, or a whole model from a file. Throws what `openClassifier` and `loadModel` throw. */
export async function openModel(name: string, { noTop, ...building }: ModelFlags): Promise<Model> {
  if (await isNetwork(name)) return networkModel(name, building, noTop !== true)
  refuseNoTop(name, noTop)
  const isFile = (await stat(name).catch(() => undefined))?.isFile() ?? false
  if (isFile && MODEL_FILES.includes(extname(name).toLowerCase()) && Object.keys(building).length === 0) {
    const { loadModel } = await import('../training/index.ts')
    return loadModel(name)
  }
  return (await openClassifier(name, building)).model
}

/** Code USAGE for a top to be left out of what is no network. */
export function refuseNoTop(name: string, noTop: boolean | undefined): void {
  if (!noTop) return
  throw new RootstockError('USAGE', `Cannot use --no-top with ${name}: found no network, and only a network has a top to leave out`, {
    hint: 'Leave --no-top out',
  })
}

async function networkModel(name: string, { alpha, size }: BuildingFlags, includeTop: boolean): Promise<Model> {
  const { application } = await import('../applications/index.ts')
  return application(name, { weights: null, includeTop, ...(alpha && { alpha }), ...(size && { inputShape: [size, size, 3] }) })
}
