/** @file What a check of the training's sanity is, and everything that checks may look at. */

/** Stable names of the checks; docs/sanity.md has a row for each. */
export const sanityIds = [
  'pixel-range',
  'one-class',
  'few-photos',
  'dominant-class',
  'same-pictures',
  'seen-in-training',
  'tiny-batches',
  'learning-rate',
  'loss-rising',
  'loss-not-falling',
  'below-majority',
] as const
/** The name of a check. */
export type SanityId = (typeof sanityIds)[number]

/** Pictures that are there more than once: how many, and the first two. */
export interface Copied {
  readonly count: number
  readonly first: readonly [string, string]
}

/** What is known of a run before its first step. What is not known is left out, and checks that need it are silent. */
export interface RunFacts {
  /** Photos of each training class, and the classes' names. */
  readonly classes?: { readonly counts: readonly number[]; readonly names: readonly string[] } | undefined
  /** Photos of each class among those held out. */
  readonly held?: readonly number[] | undefined
  /** Classes or samples have weights of their own. */
  readonly isWeighted?: boolean
  /** Photos in one step. */
  readonly batchSize?: number
  readonly epochs?: number
  /** What the network was trained on, and how photos are prepared or what the numbers of some of them are. */
  readonly pixels?: Pixels | undefined
  /** Batch norms that train, so that they compute with the statistics of each batch. */
  readonly learnsStatistics?: boolean
  /** Weights that train were not drawn at random: they know something that can be lost. False where all weights are random. */
  readonly knows?: boolean
  /** The loss of a guess, where the loss has one: ln(classes). */
  readonly guess?: number | undefined
  /** The same picture in more than one class. */
  readonly twins?: (Copied & { readonly classes: readonly [string, string] }) | undefined
  /** Pictures held out that are also trained with, and what they are held out for. */
  readonly seen?: (Copied & { readonly part: 'validation' | 'test' }) | undefined
  /** Of some photos held out, before the first step: mean loss and the error of that mean. */
  readonly start?: { readonly loss: number; readonly error: number } | undefined
}

/** How a network wants its photos, and how it gets them. */
export interface Pixels {
  readonly model: string
  readonly own: string
  /** The mode by which photos of a folder are prepared. */
  readonly used?: string
  /** Least and largest number of some photos that came as tensors. */
  readonly range?: readonly [least: number, most: number]
}

/** What has happened so far. */
export interface RunStatistics {
  readonly facts: RunFacts
  /** Optimizer steps and whole epochs of this run. */
  readonly steps: number
  readonly epochs: number
  /** Loss of each of the last batches, the newest last. */
  readonly losses: readonly number[]
  /** Loss of the first batch, before anything was learned. */
  readonly first: number | undefined
  /** Mean loss of the first few batches. */
  readonly opening: number | undefined
  /** Mean loss of each epoch. */
  readonly epochLosses: readonly number[]
  readonly validation: readonly { readonly loss: number | undefined; readonly accuracy: number | undefined }[]
  /** How far the kernels are from where they began, as a share of their size; measured in the first steps where `facts.knows`. */
  readonly moved: number | undefined
}

/** When a check looks: when more is known of the run before its first step, after a batch, after an epoch. */
export type Moment = 'begin' | 'batch' | 'epoch'

/** What a check has found, and what to do about it: two sentences without a full stop. */
export interface Finding {
  readonly found: string
  readonly remedy: string
}

/** One check: a pure function of what has happened. */
export interface SanityCheck {
  readonly id: SanityId
  readonly when: readonly Moment[]
  readonly look: (seen: RunStatistics) => Finding | undefined
}

/** 0.931 → "93.1 %". */
export const percentOf = (share: number): string => `${(share * 100).toFixed(1)} %`

/** 12.3456 → "12.35". */
export const shortOf = (value: number): string => String(Number(value.toPrecision(4)))

/** The mean; NaN of nothing. */
export const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
