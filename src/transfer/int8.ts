/** @file A run in 8 bits: its trunk as a file of the run's folder, and whether the head answers as it would in float32. */
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { allIndices, imageFolder, openDataset, subset, type Dataset } from '../data/index.ts'
import { byteTrunkOf, useByteTrunk, type Int8Agreement, type Model, type TrainingEvent } from '../training/index.ts'
import type { Classifier } from './classifier.ts'
import type { Int8Report } from './options.ts'
import { runFiles } from './run-folder.ts'

/** Photos whose answers are compared: those of float32 have to be computed for it. */
const mostCompared = 128

/** Writes the trunk that the model computes with, where it is an 8-bit one. */
export async function keepByteTrunk(run: string, model: Model): Promise<void> {
  const trunk = byteTrunkOf(model)
  if (!trunk) return
  const { writeByteTrunk } = await import('../training/index.ts')
  await writeByteTrunk(join(run, runFiles.trunk), trunk)
}

/** Gives the model of a run its 8-bit trunk back. Throws FILE and FORMAT. */
export async function openByteTrunk(run: string, model: Model): Promise<void> {
  const { readByteTrunk } = await import('../training/index.ts')
  useByteTrunk(model, await readByteTrunk(join(run, runFiles.trunk)))
}

export interface ComparingOptions {
  readonly featureStore?: boolean | 'float16' | undefined
  readonly onEvent: (event: TrainingEvent) => void
}

/** The agreement of the trunks, and the accuracy of the same head on both; undefined for a model in float32. */
export async function int8ReportOf(
  model: Model,
  photos: Dataset,
  { featureStore = true, onEvent }: ComparingOptions,
): Promise<Int8Report | undefined> {
  const trunk = byteTrunkOf(model)
  if (!trunk) return undefined
  const count = Math.min(photos.size, mostCompared)
  if (count === 0) return { ...trunk.agreement, accuracy: null }
  const some = subset(
    photos,
    allIndices(count).map((i) => Math.floor(((i + 0.5) * photos.size) / count)),
  )
  const inInt8 = await model.evaluate(some, { featureStore })
  const inFloat = await model.evaluate(some, { featureStore, precision: 'fp32' })
  const accuracy = { int8: inInt8['accuracy'] ?? 0, fp32: inFloat['accuracy'] ?? 0, photos: count }
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const message = `The head on int8 features: ${percent(accuracy.int8)} of ${count} photos, on float32 features ${percent(accuracy.fp32)}`
  onEvent({ type: 'message', message, by: 'int8' })
  return { ...trunk.agreement, accuracy }
}

/**
 * Quantizes a classifier that was trained in float32, with ranges from photos in `folder` (any folder with folders of photos).
 * Throws USAGE where 8 bits would change its features too much.
 */
export async function quantizeClassifier(
  classifier: Classifier,
  folder: string,
  { onEvent, signal }: { readonly onEvent?: (event: TrainingEvent) => void; readonly signal?: AbortSignal } = {},
): Promise<Int8Agreement> {
  const { quantizeModel } = await import('../training/index.ts')
  const { reading, model } = classifier
  let reason = ''
  const agreement = await quantizeModel(model, await openDataset(imageFolder(folder)), {
    how: { ...reading, size: [reading.size, reading.size] },
    onEvent: (event) => {
      if (event.type === 'warning') reason = event.message
      if (event.type === 'workProgress') onEvent?.(event)
    },
    ...(signal && { signal }),
  })
  if (agreement) return agreement
  throw new RootstockError('USAGE', `Cannot quantize ${classifier.network} with the photos in ${folder}: ${reason}`, {
    hint: 'Export in float32 or float16',
  })
}
