/** @file What `adviseNetwork` can be told, and what it answers. */
import type { TrainingEvent } from '../../training/index.ts'
import type { SplitPhotosOptions } from '../split-photos.ts'

/** Something that happened while networks are compared. */
export type AdviseEvent =
  | Extract<TrainingEvent, { type: 'unusable' | 'message' | 'warning' }>
  /** A network's turn, `number` (from 0) of `count`. */
  | { readonly type: 'network'; readonly name: string; readonly number: number; readonly count: number }
  /** Bytes of a weight file that have arrived. */
  | { readonly type: 'fetch'; readonly name: string; readonly done: number; readonly total: number | undefined; readonly seconds: number }
  /** Photos that have passed the network, `stored` of them in an earlier run. */
  | {
      readonly type: 'features'
      readonly name: string
      readonly done: number
      readonly total: number
      readonly stored: number
      readonly seconds: number
    }
  /** Parts of the photos that a head has been judged on. */
  | { readonly type: 'probe'; readonly name: string; readonly done: number; readonly total: number; readonly seconds: number }

/** Settings of `adviseNetwork`; `rootstock advise` has flags of the same names. */
export interface AdviseOptions extends Pick<SplitPhotosOptions, 'seed' | 'labelsFrom' | 'validation' | 'test' | 'duplicates'> {
  /**
   * The networks to compare beside the one in the package; weights that are not on this machine are fetched. 'all' stands for every one.
   * Default: those whose weights are on this machine.
   */
  readonly networks?: readonly string[]
  /** Widths of mobilenet. Default 0.25, 0.5, 0.75 and 1. */
  readonly alphas?: readonly number[]
  /** Weight files (without a top) by the name of the network they belong to. */
  readonly weights?: Readonly<Record<string, string | readonly string[]>>
  /** Photos to compare them on, drawn evenly from the classes. Default 1000; a folder with fewer is taken whole. */
  readonly photos?: number
  /** Parts of the cross-validation. Default 5. */
  readonly folds?: number
  /** Keep features on disk, where a training finds them. Default true. */
  readonly featureStore?: boolean | 'float16'
  readonly onEvent?: (event: AdviseEvent) => void
  readonly signal?: AbortSignal
}

/** What a training is told to take a network: options of `trainClassifier`. */
export interface NetworkSettings {
  readonly network: string
  readonly alpha?: number
  readonly weights: string
  readonly size: number
}

/** A network and what a linear head on its features can do. */
export interface RankedNetwork {
  readonly name: string
  readonly settings: NetworkSettings
  /** Share of the photos that were named rightly by a head which had not seen them. */
  readonly accuracy: number
  /** 95 % interval of the accuracy (Wilson). */
  readonly interval: readonly [lower: number, upper: number]
  /** Of the network, on this machine, reading not counted. */
  readonly millisecondsPerPhoto: number
  /** Weights of the network in float32. */
  readonly megabytes: number
  /** Numbers that it makes of a photo. */
  readonly features: number
}

/** Which network to take, and why. */
export interface NetworkAdvice {
  readonly folder: string
  readonly classes: readonly string[]
  /** Photos that the networks were compared on; photos for the test are not among them. */
  readonly photos: number
  readonly folds: number
  /** Share of the largest class: what always the same answer would get. */
  readonly majority: number
  /** The most accurate one first. */
  readonly networks: readonly RankedNetwork[]
  /** The one to take; undefined where none is better than always the same answer. */
  readonly take: RankedNetwork | undefined
  /** One sentence. */
  readonly why: string
  /** Networks that could not be compared, and why. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
  /** The command that trains with it. */
  readonly command: string | undefined
}
