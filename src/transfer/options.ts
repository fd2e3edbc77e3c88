/** @file What the recipe can be told, and its defaults in one place. */
import type { LabelsFrom, ScanOptions, SplitOptions } from '../data/index.ts'
import type { PreprocessMode } from '../image/index.ts'
import type { FitOptions, Int8Agreement, TrainingEvent } from '../training/index.ts'
import type { Recipe } from './recipe.ts'

/** Settings of `trainClassifier`; the command line has flags of the same names. */
export interface TrainClassifierOptions
  extends
    Pick<FitOptions, 'augmentation' | 'views' | 'readSize' | 'mix' | 'featureStore' | 'sanity'>,
    Pick<SplitOptions, 'duplicates' | 'leaks' | 'groups' | 'groupPattern'>,
    Pick<ScanOptions, 'followLinks'> {
  /** vgg16, vgg19, resnet50, inceptionV3, xception or mobilenet. Default 'mobilenet'. */
  readonly network?: string
  /** MobileNet's width: 0.25, 0.5, 0.75 or 1. Default 1, or 0.5 with embedded weights. */
  readonly alpha?: number
  /** Height and width of the network's input in pixels. Default the network's own, or 128 with embedded weights. */
  readonly size?: number
  /**
   * 'imagenet'; 'embedded', the small MobileNet inside the package; 'none' for random ones; or a path to an .h5 file. Default 'imagenet' or,
   * for a mobilenet whose ImageNet weights are neither on this machine nor to be fetched, 'embedded' with a warning.
   */
  readonly weights?: string
  /** Passes over the photos. Default 10. */
  readonly epochs?: number
  /** Photos per step. Default 32. */
  readonly batchSize?: number
  /** Of Adam. Default 0.001, or 0.0001 where layers of the network train too. */
  readonly learningRate?: number
  /** What photos go through before: 'tf' (−1 to 1), 'caffe', 'torch', 'tutorial' (x/255, warns), 'none'. Default what the network was trained on. */
  readonly preprocessing?: PreprocessMode
  /** Units of the hidden layer of the head, or 'none'. Default 1024. */
  readonly head?: number | 'none'
  /** Trains this layer of the network and all after it as well; 'all' for every layer. Default: only the head. */
  readonly unfreezeFrom?: string
  /** 'head' (default), or 'fine-tune': then the network's last block too, with warm-up and a falling rate. */
  readonly recipe?: Recipe
  /** While fine-tuning (refused elsewhere): factor on the learning rate from each layer with weights to the one before it, 0 … 1. Default 1. */
  readonly layerDecay?: number
  /** 'balanced' gives all classes the same total weight, however many photos they have. */
  readonly classWeight?: Readonly<Record<number, number>> | 'balanced'
  /** What says the class of a photo: its folder, its name, or a table. Default 'auto'. */
  readonly labelsFrom?: LabelsFrom
  /**
   * What the frozen part of the network computes in. 'int8' is two to three times as fast; the run goes on in 'fp32', with a warning, where
   * the features would differ too much. Default 'fp32'.
   */
  readonly precision?: 'fp32' | 'int8'
  /** Of weights, order, split and dropout. Default 0. */
  readonly seed?: number
  /** The run's folder. Default runs/<network>-<date and time>. */
  readonly out?: string
  /**
   * Go on with the run in `out`, which was interrupted, to the same bits as if it had not been. Settings that are not given are those that
   * it had; `epochs` may be raised. Throws USAGE or DATA, naming the change, where settings or photos are others. Default false.
   */
  readonly resume?: boolean
  /** Seconds between two checkpoints in `last.ckpt`, at least; they take no more than a twentieth of the time. Default 10. */
  readonly checkpointSeconds?: number
  /** Draw the pictures and the page of the run's folder. Default true. */
  readonly plots?: boolean
  /** Epochs without a better val_loss before training stops; null for never. Default 5. */
  readonly patience?: number | null
  /** Share of each class held out where the folder is not split already. Default 0.15. */
  readonly validation?: number
  /** Default 0.15. */
  readonly test?: number
  /** Hears of everything that happens, in order. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Stops cleanly after the batch under way. */
  readonly signal?: AbortSignal
}

/** Settings of `fineTune`; `learningRate` is the second stage's. */
export type FineTuneOptions = Omit<TrainClassifierOptions, 'recipe'>

/** What a finished run says of itself: the object that `rootstock train --json` prints. */
export interface TrainReport {
  /** The run's folder. */
  readonly run: string
  /** In the order of the model's outputs. */
  readonly classes: readonly string[]
  /** The network that it stands on. */
  readonly network: string
  /** Photos of each part. */
  readonly images: {
    /** To learn from. */
    readonly train: number
    /** To choose the best epoch by. */
    readonly validation: number
    /** For the test at the end. */
    readonly test: number
  }
  /** Whole epochs that were trained. */
  readonly epochs: number
  /** The epoch of least val_loss, or of least loss where no photos are held out; counted from 1. */
  readonly best: {
    /** Its number. */
    readonly epoch: number
    /** Mean cross-entropy; null without validation photos. */
    readonly valLoss: number | null
    /** 0 to 1; null without validation photos. */
    readonly valAccuracy: number | null
  }
  /** Null without test photos. */
  readonly test: {
    /** 0 to 1. */
    readonly accuracy: number
    /** Mean cross-entropy. */
    readonly loss: number
  } | null
  /** What the frozen part computes in; 'fp32' also where int8 was asked for and not close enough. */
  readonly precision?: 'fp32' | 'int8'
  /** Of runs in int8. */
  readonly int8?: Int8Report
  /** Time by the clock. */
  readonly seconds: {
    /** In all. */
    readonly total: number
    /** Through the frozen part. */
    readonly features: number
    /** In the epochs. */
    readonly fit: number
  }
  /** Photos through the network per second of computing features; of training, where none had to be computed. */
  readonly imagesPerSecond: number
  /** Pictures that could not be used. */
  readonly unusable: readonly {
    /** Its path, printable. */
    readonly path: string
    /** Why, in words. */
    readonly reason: string
  }[]
}

/** How a run in int8 compares with float32. */
export interface Int8Report extends Int8Agreement {
  /** Of the head on validation photos, their features computed in int8 and in float32; null without such photos. */
  readonly accuracy: {
    /** In 8 bits, 0 to 1. */
    readonly int8: number
    /** In float32, 0 to 1. */
    readonly fp32: number
    /** How many there were. */
    readonly photos: number
  } | null
}

/** One answer of a classifier. */
export interface Prediction {
  /** The class. */
  readonly label: string
  /** 0 … 1 */
  readonly probability: number
  /** ImageNet's own key, for networks with the ImageNet top. */
  readonly wnid?: string
}

/** How a folder is measured. */
export interface EvaluateFolderOptions extends Pick<ScanOptions, 'followLinks'> {
  /** Hears of progress and of unusable photos. */
  readonly onEvent?: (event: TrainingEvent) => void
}

/** How well a classifier does on a folder: what `rootstock evaluate --json` prints. */
export interface Evaluation {
  /** Photos that were measured. */
  readonly images: number
  /** Share of right answers, 0 to 1. */
  readonly accuracy: number
  /** Mean cross-entropy. */
  readonly loss: number
  /** Figures of each class. */
  readonly perClass: readonly {
    /** The class. */
    readonly label: string
    /** Photos of the class. */
    readonly images: number
    /** Share of the answers "this class" that are right, 0 to 1. */
    readonly precision: number
    /** Share of the photos of the class that are found, 0 to 1. */
    readonly recall: number
    /** Harmonic mean of precision and recall. */
    readonly f1: number
  }[]
  /** Rows are true classes, columns predicted ones. */
  readonly confusion: readonly (readonly number[])[]
  /** Pictures that could not be read and count nowhere. Absent where there are none. */
  readonly unusable?: readonly {
    /** Its path, printable. */
    readonly path: string
    /** Why, in words. */
    readonly reason: string
  }[]
  /** Class folders that the classifier does not know, whose photos count nowhere. Absent where there are none. */
  readonly unknownClasses?: readonly string[]
  /** How many of the photos the classifier has learned from: their figures are too good. Absent where the run does not say. */
  readonly learned?: number
}
