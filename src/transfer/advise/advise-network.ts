/** @file Which network to take for a folder of photos: each one's features, judged by a linear head on photos that it has not seen. */
import { RootstockError, refuseUnknown } from '../../errors.ts'
import { allIndices, countClasses, subset, type Dataset, type Split } from '../../data/index.ts'
import { openTrunk } from '../../training/index.ts'
import { buildClassifierModel, checkedSpec } from '../classifier-model.ts'
import { adviseNames } from '../option-names.ts'
import { pick } from '../pick.ts'
import { crossValidate } from '../probe/linear-probe.ts'
import { commandLine } from '../report/config-yaml.ts'
import { wilsonInterval } from '../report/interval.ts'
import { splitPhotos } from '../split-photos.ts'
import { findCandidates, type Candidate } from './candidates.ts'
import type { AdviseEvent, AdviseOptions, NetworkAdvice } from './options.ts'
import { evenSample } from './sample.ts'
import { choose, type Judged } from './verdict.ts'

/**
 * Compares networks on the photos of a folder, by a cross-validated linear head on their features, and says which to take. Photos that a training
 * would test with are left out. The features are kept, so that `trainClassifier(folder, { ...advice.take.settings })` begins at once.
 * Codes USAGE, UNKNOWN_NAME, DATA, FILE, FORMAT, WEIGHTS, CANCELED.
 */
export async function adviseNetwork(folder: string, given: AdviseOptions = {}): Promise<NetworkAdvice> {
  refuseUnknown('adviseNetwork', given, adviseNames)
  const options = { ...given, ...(given.onEvent && { onEvent: warningsOnce(given.onEvent) }) }
  checkCounts(options)
  const { folds = 5, onEvent, signal } = options
  const { found, missing } = await findCandidates(options)
  const split = await splitPhotos(folder, options, (event) => {
    if (event.type === 'workProgress' || event.type === 'unusable' || event.type === 'warning') onEvent?.(event)
  })
  for (const message of split.notes) onEvent?.({ type: 'message', message, by: 'data' })
  const parts = chosenParts(split, options)
  const judged: Judged[] = []
  for (const [number, candidate] of found.entries()) {
    signal?.throwIfAborted()
    onEvent?.({ type: 'network', name: candidate.name, number, count: found.length })
    judged.push(await judge(candidate, parts, { ...options, folds, classes: split.classNames, copies: split.copies }))
  }
  const networks = judged
    .map(({ ranked }) => ranked)
    .sort((a, b) => b.accuracy - a.accuracy || a.millisecondsPerPhoto - b.millisecondsPerPhoto)
  const photos = judged[0]?.right.length ?? 0
  const majority = majorityOf(parts)
  const isSample = parts.reduce((sum, { size }) => sum + size, 0) < split.train.size + split.validation.size
  const { take, why } = choose(judged, majority, isSample)
  const kept = pick(options, ['seed', 'validation', 'test', 'duplicates', 'followLinks'])
  const command = take && commandLine(folder, { ...plainSettings(take.settings), ...kept })
  return { folder, classes: split.classNames, photos, folds, majority, networks, take, why, missing, command }
}

/** Every network has its own passes over the photos, and each of them finds the same fault of the machine. */
function warningsOnce(hear: (event: AdviseEvent) => void): (event: AdviseEvent) => void {
  const told = new Set<string>()
  return (event) => {
    if (event.type === 'warning' && told.has(event.message)) return
    if (event.type === 'warning') told.add(event.message)
    hear(event)
  }
}

/** What a training learns from and looks at: some photos of both parts, where there are many. */
function chosenParts({ train, validation }: Split, { photos = 1000, seed = 0 }: AdviseOptions): readonly Dataset[] {
  const labels = [...train.labels, ...validation.labels]
  const chosen = evenSample(labels, photos, seed)
  const before = chosen.filter((index) => index < train.size)
  const after = chosen.filter((index) => index >= train.size).map((index) => index - train.size)
  return [subset(train, before), subset(validation, after)].filter(({ size }) => size > 0)
}

interface Judging extends AdviseOptions {
  readonly folds: number
  readonly classes: readonly string[]
  readonly copies: Split['copies']
}

async function judge({ name, settings }: Candidate, parts: readonly Dataset[], options: Judging): Promise<Judged> {
  const { onEvent, signal, folds, seed = 0, classes, copies } = options
  const { alpha, weights, size } = settings
  // The head does not matter to what is frozen; without a hidden layer it costs nothing.
  const spec = { ...checkedSpec({ ...settings, head: 'none' }), classes }
  const { net, base } = await buildClassifierModel(spec, weights)
  base.trainable = false
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const trunk = openTrunk(net)
  try {
    const found = await featuresOf(trunk, parts, { ...options, name })
    const started = performance.now()
    const seconds = (): number => (performance.now() - started) / 1000
    const units = unitNames(found.ids, copies)
    const onProgress = (done: number, total: number): void => onEvent?.({ type: 'probe', name, done, total, seconds: seconds() })
    const right = await crossValidate({ features: found.rows, labels: found.labels, units }, { folds, seed, signal, onProgress })
    const hits = right.filter(Boolean).length
    const ranked = {
      name,
      settings: { network: settings.network, ...(alpha === undefined ? {} : { alpha }), weights, size },
      accuracy: hits / right.length,
      interval: wilsonInterval(hits, right.length),
      millisecondsPerPhoto: 1000 * (await trunk.secondsPerPhoto(parts[0]!)),
      megabytes: base.layers.reduce((sum, layer) => sum + layer.countParams(), 0) * 4e-6,
      features: found.rows[0]?.length ?? 0,
    }
    return { ranked, right }
  } finally {
    await trunk.dispose()
    await net.dispose()
  }
}

interface Found {
  readonly rows: Float32Array[]
  readonly labels: number[]
  /** The photos' names. */
  readonly ids: string[]
}

/** The features of all parts, with one count of progress. */
async function featuresOf(
  trunk: ReturnType<typeof openTrunk>,
  parts: readonly Dataset[],
  { name, onEvent, signal, featureStore }: AdviseOptions & { name: string },
): Promise<Found> {
  const found: Found = { rows: [], labels: [], ids: [] }
  const total = parts.reduce((sum, { size }) => sum + size, 0)
  const started = performance.now()
  let [before, storedBefore, stored] = [0, 0, 0]
  for (const [i, part] of parts.entries()) {
    const { dataset, rows } = await trunk.features(part, {
      split: i === 0 ? 'train' : 'validation',
      signal,
      featureStore,
      onEvent(event) {
        if (event.type === 'featuresProgress') {
          stored = event.stored ?? 0
          const seconds = (performance.now() - started) / 1000
          onEvent?.({ type: 'features', name, done: before + event.done, total, stored: storedBefore + stored, seconds })
        } else if (event.type === 'unusable' || event.type === 'message' || event.type === 'warning') onEvent?.(event)
      },
    })
    before += part.size
    storedBefore += stored
    found.rows.push(...rows)
    found.labels.push(...dataset.labels)
    found.ids.push(...allIndices(dataset.size).map((index) => dataset.describe(index)))
  }
  return found
}

/** A name for each photo, the same for all copies of one. */
function unitNames(ids: readonly string[], copies: Split['copies']): string[] {
  const units = new Map(copies.flatMap(({ photos }, i) => photos.map(({ path }) => [path, `copies ${i}`] as const)))
  return ids.map((id) => units.get(id) ?? `photo ${id}`)
}

function majorityOf(parts: readonly Dataset[]): number {
  const counts = parts.map((part) => countClasses(part))
  const whole = (counts[0] ?? []).map((_, label) => counts.reduce((sum, own) => sum + (own[label] ?? 0), 0))
  return Math.max(...whole) / whole.reduce((sum, count) => sum + count, 0)
}

/** Without what a training takes by itself. */
function plainSettings({ network, alpha, weights }: NetworkAdvice['networks'][number]['settings']): Record<string, string | number> {
  if (weights === 'embedded') return { weights }
  return { network, ...(alpha === undefined ? {} : { alpha }), ...(weights === 'imagenet' ? {} : { weights }) }
}

function checkCounts({ photos = 1000, folds = 5 }: AdviseOptions): void {
  for (const [name, value, least] of [
    ['photos', photos, 10],
    ['folds', folds, 2],
  ] as const) {
    if (Number.isInteger(value) && value >= least) continue
    throw new RootstockError('USAGE', `Invalid ${name}: found ${value}, expected a whole number of at least ${least}`)
  }
}
