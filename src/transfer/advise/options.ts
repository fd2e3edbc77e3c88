/** @file What `adviseNetwork` can be told, and what it answers. */
import type { TrainingEvent } from '../../training/index.ts'
import type { SplitPhotosOptions } from '../split-photos.ts'

/** Something that happened while networks are compared. */
export type AdviseEvent =
  | Extract<
      TrainingEvent,
      {
        /** As in a training: how far the look at the photos is, a photo that cannot be used, a note, a warning. */
        type: 'workProgress' | 'unusable' | 'message' | 'warning'
      }
    >
  /** A network's turn, `number` (from 0) of `count`. */
  | {
      /** Comes once for each network, before its features. */
      readonly type: 'network'
      /** The network, as `RankedNetwork.name` calls it. */
      readonly name: string
      /** How many networks were compared before it. */
      readonly number: number
      /** How many networks are compared in all. */
      readonly count: number
    }
  /** Bytes of a weight file that have arrived. */
  | {
      /** Comes again and again while weights are downloaded, before the first network's turn. */
      readonly type: 'fetch'
      /** The network, as `RankedNetwork.name` calls it. */
      readonly name: string
      /** Bytes so far. */
      readonly done: number
      /** Bytes of the whole file; undefined where they are not known, or not yet. */
      readonly total: number | undefined
      /** Since the download was asked for. */
      readonly seconds: number
    }
  /** Photos that have passed the network, `stored` of them in an earlier run. */
  | {
      /** Comes again and again while features are computed; the last one may be repeated. */
      readonly type: 'features'
      /** The network, as `RankedNetwork.name` calls it. */
      readonly name: string
      /** Photos finished so far. */
      readonly done: number
      /** Photos that the networks are compared on, unusable ones included. */
      readonly total: number
      /** Photos whose features were found on disk, not computed; part of `done`. */
      readonly stored: number
      /** Since the network's first photo. */
      readonly seconds: number
    }
  /** Parts of the photos that a head has been judged on. */
  | {
      /** Comes after each part of the cross-validation. */
      readonly type: 'probe'
      /** The network, as `RankedNetwork.name` calls it. */
      readonly name: string
      /** Parts so far. */
      readonly done: number
      /** Parts in all: `folds`. */
      readonly total: number
      /** Since the cross-validation began. */
      readonly seconds: number
    }

/** Settings of `adviseNetwork`; `rootstock advise` has flags of the same names. */
export interface AdviseOptions extends Pick<
  SplitPhotosOptions,
  'seed' | 'labelsFrom' | 'validation' | 'test' | 'duplicates' | 'followLinks'
> {
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
  /** Called as things happen, to show progress; what it returns is not waited for. */
  readonly onEvent?: (event: AdviseEvent) => void
  /** Stops the comparison; features computed until then stay on disk, unless `featureStore` is false. */
  readonly signal?: AbortSignal
}

/** What a training is told to take a network: options of `trainClassifier`. */
export interface NetworkSettings {
  /** Id of the architecture, such as 'mobilenet'. */
  readonly network: string
  /** Width of mobilenet: its filters as a multiple of those at 1. Left out for networks of one width. */
  readonly alpha?: number
  /** 'embedded' (in the package), 'imagenet' (released) or the path of a weight file. */
  readonly weights: string
  /** Pixels on each side of the square that photos are brought to. */
  readonly size: number
}

/** A network and what a linear head on its features can do. */
export interface RankedNetwork {
  /** For people: the architecture, its width and whose weights, such as 'mobilenet 0.5'. */
  readonly name: string
  /** To be passed on to `trainClassifier` as they are. */
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
  /** Where the photos are, as it was given. */
  readonly folder: string
  /** Names of the classes, in the order of a classifier's outputs. */
  readonly classes: readonly string[]
  /** Photos that the networks were compared on; photos for the test are not among them. */
  readonly photos: number
  /** Parts of the cross-validation: each was judged by a head that had learned from the others. */
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
  readonly missing: readonly {
    /** The network, as `RankedNetwork.name` would call it. */
    readonly name: string
    /** What stood in the way, in words. */
    readonly reason: string
  }[]
  /** The command that trains with it. */
  readonly command: string | undefined
}
