/** @file What a training takes where its caller says nothing, in one place: a resumed run is held against it too. */
import type { TrainClassifierOptions } from './options.ts'

/** Defaults of the recipe itself; those of reading and splitting stand in data/ and training/. */
export const DEFAULTS = { batchSize: 32, recipe: 'head', layerDecay: 1, patience: 5 } as const satisfies Partial<TrainClassifierOptions>
