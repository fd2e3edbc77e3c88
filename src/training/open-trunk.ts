/** @file The frozen part of a model on its own: its features of photos, kept in the store where `fit` finds them again, and its speed. */
import type { Tensor } from '../tensor/index.ts'
import { allIndices, readAll, stackBatch, type Dataset } from '../data/index.ts'
import { datasetFeatures } from './dataset-features.ts'
import type { Split, TrainingEvent } from './events.ts'
import { rowOf } from './feature-rows.ts'
import type { Model } from './model.ts'
import { openData, trunkFor } from './run-data.ts'
import type { Trunk } from './trunk.ts'

/** How features are computed. */
export interface TrunkFeaturesOptions {
  /** What the events call the photos. */
  readonly split: Split
  /** Hears of progress and of photos that cannot be used. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Stops before the next photo is looked up or read; `features` then fails with code CANCELED. */
  readonly signal?: AbortSignal | undefined
  /** Default true. */
  readonly featureStore?: boolean | 'float16' | undefined
}

/** Usable photos and a row of features for each. */
export interface TrunkFeatures {
  /** Without the photos that could not be read. */
  readonly dataset: Dataset
  /** One for each photo, in the order of `dataset`; features with several axes are written out one after the other. */
  readonly rows: readonly Float32Array[]
}

/** A compiled model's frozen part. */
export interface OpenTrunk {
  /** Passes every photo through the frozen part once, or takes what the store has of it. */
  features(dataset: Dataset, options: TrunkFeaturesOptions): Promise<TrunkFeatures>
  /** Seconds that the frozen part takes for one photo, reading not counted: the median of some runs over the first photos. */
  secondsPerPhoto(dataset: Dataset): Promise<number>
  /** Frees what the frozen part holds; the model stays as it is. */
  dispose(): Promise<void>
}

/** Photos are computed this many times for the clock, after once to warm up. */
const TIMED_RUNS = 5

/** The part of `model` that the last `compile` froze, as `fit` would run it. */
export function openTrunk(model: Model): OpenTrunk {
  const compiled = model.compiled
  let trunk: Trunk | undefined
  const open = async (data: Dataset): Promise<Prepared> => {
    const opened = await openData(model, data)
    if (opened.kind !== 'dataset') throw new Error('A dataset was given')
    trunk ??= trunkFor(model, compiled, opened.photo)
    return { dataset: opened.dataset, how: opened.how, trunk }
  }
  return {
    async features(data, { split, onEvent, signal, featureStore = true }) {
      const { how, ...opened } = await open(data)
      const emit = onEvent ?? ((): void => undefined)
      const title = `${model.name}, ${how.size.join(' × ')} px`
      const found = await datasetFeatures({ ...opened, how, split, emit, signal, title, stored: featureStore })
      try {
        const whole = await found.gather(allIndices(found.dataset.size), 0)
        return { dataset: found.dataset, rows: allIndices(found.dataset.size).map((i) => rowOf(whole, i)) }
      } finally {
        await found.rows.dispose()
      }
    },
    async secondsPerPhoto(data) {
      const { dataset, how, trunk } = await open(data)
      const pictures: Tensor<'float32'>[] = []
      for await (const { result } of readAll(dataset, allIndices(Math.min(dataset.size, trunk.batch)), how))
        if (result.ok) pictures.push(result.tensor)
      if (pictures.length === 0) return NaN
      const batch = stackBatch(pictures)
      const seconds: number[] = []
      for (let run = 0; run <= TIMED_RUNS; run++) {
        const started = performance.now()
        await trunk.run(batch)
        if (run > 0) seconds.push((performance.now() - started) / 1000 / pictures.length)
      }
      return seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? NaN
    },
    dispose: async () => trunk?.dispose(),
  }
}

type Prepared = Pick<Parameters<typeof datasetFeatures>[0], 'dataset' | 'how' | 'trunk'>
