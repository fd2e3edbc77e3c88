/** @file What must be as it was for a run to go on exactly, and the name of what is not. */
import { createHash } from 'node:crypto'
import { RootstockError } from '../../errors.ts'
import { eachPart } from '../../graph/index.ts'
import { showShape, sizeOf } from '../../tensor/index.ts'
import type { Functional } from '../../models/index.ts'
import type { Compiled } from '../compile.ts'
import type { FitOptions } from '../fit-options.ts'
import type { Source } from '../source.ts'
import type { Trunk } from '../trunk.ts'

/** The parts of a run that its figures follow from. */
export interface Settled {
  readonly model: Functional
  readonly compiled: Compiled
  readonly trunk: Trunk
  readonly options: FitOptions
  readonly batchSize: number
  readonly source: Source
  readonly validation: Source | undefined
  /** What the data are, by name. */
  readonly data: Readonly<Record<string, unknown>>
}

/** Everything by name, as text. Epochs are left out: a run may be made longer. */
export function settingsOf({ model, compiled, trunk, options, batchSize, source, validation, data }: Settled): Record<string, string> {
  const { optimizer, loss, metrics, trainable } = compiled
  const factors = [...compiled.learningRateFactors].filter(([weight]) => trainable.includes(weight))
  const given = {
    batchSize,
    shuffle: options.shuffle ?? true,
    seed: options.seed ?? 0,
    stepsPerEpoch: options.stepsPerEpoch,
    // Epochs of so many steps go through the data together, from this one on.
    ...(options.stepsPerEpoch === undefined ? {} : { initialEpoch: options.initialEpoch ?? 0 }),
    validationBatchSize: options.validationBatchSize,
    validationSteps: options.validationSteps,
    classWeight: options.classWeight,
    sampleWeight: options.sampleWeight && digest(Float64Array.from(options.sampleWeight)),
    'number of samples': source.samples,
    'number of validation samples': validation && validation.samples,
    ...data,
    optimizer: optimizer.name,
    ...prefixed('optimizer.', optimizer.config),
    loss: loss.name,
    ...prefixed('loss.', (loss as { config?: object }).config ?? {}),
    augmentation: options.augmentation,
    views: options.views,
    readSize: options.readSize,
    mix: options.mix,
    learningRateFactors: factors.map(([weight, factor]) => [weight.path, factor]),
    featureStore: options.featureStore === 'float16' ? 'float16' : 'float32',
    metrics: metrics.map(({ name }) => name).join(', '),
    'frozen part of the network': trunk.computes ? trunk.hash().slice(0, 12) : 'none',
    'frozen weights': frozenWeights(model, compiled),
  }
  const texts = Object.entries(given).map(([name, value]) => [name, textOf(value)])
  return { ...(Object.fromEntries(texts) as Record<string, string>), ...weightShapes(model, compiled) }
}

/** Throws USAGE that names the first change, and how many more there are. */
export function checkSettings(path: string, was: Readonly<Record<string, string>>, is: Readonly<Record<string, string>>): void {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  const changed = names.filter((name) => was[name] !== is[name])
  const [first] = changed
  if (first === undefined) return
  const more = changed.length > 1 ? `, and ${changed.length - 1} more changed` : ''
  throw new RootstockError(
    'USAGE',
    `Cannot resume from ${path}: ${first} was ${was[first] ?? 'absent'}, is ${is[first] ?? 'absent'}${more}`,
    {
      hint: 'Go on with the same settings, or start a new run in another folder',
    },
  )
}

function prefixed(prefix: string, values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value as unknown]))
}

function weightShapes(model: Functional, compiled: Compiled): Record<string, string> {
  const weights = model.weights.filter((weight) => compiled.trainableLayers.has(weight.layer))
  return Object.fromEntries(weights.map(({ path, shape }, i) => [`weight ${i} (${path})`, showShape(shape)]))
}

/** Of all weights that a checkpoint does not hold; some of them may lie behind layers that train, where the trunk has ended. */
function frozenWeights(model: Functional, compiled: Compiled): string {
  const hash = createHash('sha256')
  for (const weight of model.weights)
    if (!compiled.trainableLayers.has(weight.layer)) eachPart(weight.parts(), sizeOf(weight.shape), (numbers) => void hash.update(numbers))
  return hash.digest('hex').slice(0, 12)
}

/** Functions (a schedule's `at`) say nothing that their settings do not. */
function textOf(value: unknown): string {
  return JSON.stringify(value) ?? 'not given'
}

function digest(values: Float64Array): string {
  return createHash('sha256').update(values).digest('hex').slice(0, 12)
}
