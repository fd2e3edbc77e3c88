/** @file The comparisons as data: what both sides do, and how many times faster (or smaller) ours should be at least. */
import type { NetworkName } from '../../src/applications/index.ts'

/** What a side is told to do; the functions of that name are in `ours.ts`, `keras_side.py` and `torch_side.py`. */
export interface Job {
  readonly job: 'train' | 'predict' | 'features' | 'photos' | 'finetune' | 'tutorial' | 'cold'
  readonly network: NetworkName
  /** Photos of one turn. */
  readonly photos: number
  /** Of a training step: batch norms neither train nor use the batch's statistics. */
  readonly frozenBatchNorm?: boolean
  readonly epochs?: number
  /** Of our side alone. */
  readonly precision?: 'fp32' | 'int8'
  /** Keras holds all photos in one array, as tutorials do, instead of reading them in every epoch. */
  readonly inMemory?: boolean
}

/** What only the run knows. */
export interface Given {
  /** Folder of photos, with `train/` and `validation/` where the row has both. */
  readonly folder: string
  /** MobileNet 0.25 with its top. */
  readonly weights: string
}

/** One way of ours to do a row's job, as one line of the table. */
export interface Ours {
  readonly label: string
  /** What our side is told beside the job. */
  readonly settings?: Partial<Job>
  /** The peer's figure by ours, at least. */
  readonly targets: Targets
  /** Features and the like are left on disk by a first run that does not count. */
  readonly isAgain?: boolean
  /** In place of `ours.ts`: arguments after `node`. */
  readonly command?: (given: Given) => readonly string[]
}

export interface Targets {
  readonly time?: number
  readonly memory?: number
}

export interface Row {
  readonly name: string
  readonly peer: 'keras' | 'torch'
  readonly peerLabel: string
  /** 'call': a long-lived process does the job again and again. 'process': every turn is a process, from its start to its end. */
  readonly each: 'call' | 'process'
  readonly job: Job
  readonly ours: readonly Ours[]
  /** Photos on disk that it needs. */
  readonly folder?: { readonly train: number; readonly validation: number }
  /** `--scale` and `--epochs` apply to both sides, or to the peer alone, whose time for the whole job is extrapolated. */
  readonly scales?: 'both' | 'peer'
}

export const tutorialEpochs = 10

/** Network, predict in float32 against Keras, int8 features against PyTorch in bf16, photos of one turn. */
const forward: readonly (readonly [NetworkName, predict: number, int8: number, photos: number])[] = [
  ['mobilenet', 2.4, 2.5, 64],
  ['resnet50', 1.6, 1.8, 32],
  ['inceptionV3', 2.0, 1.05, 32],
  ['xception', 1.4, 1.6, 32],
  ['vgg16', 1.2, 1.1, 32],
]

export const rows: readonly Row[] = [
  ...forward.map(([network, time, , photos]): Row => {
    const ours = [{ label: `${network}, predict fp32`, targets: { time } }]
    return {
      name: `predict-${network}`,
      peer: 'keras',
      peerLabel: 'Keras predict, batch 16',
      each: 'call',
      job: { job: 'predict', network, photos },
      ours,
    }
  }),
  ...forward.map(([network, , time, photos]): Row => {
    const ours = [{ label: `${network}, features in int8`, targets: { time } }]
    return {
      name: `int8-${network}`,
      peer: 'torch',
      peerLabel: 'PyTorch bf16, batch 16',
      each: 'call',
      job: { job: 'features', network, photos },
      ours,
    }
  }),
  {
    name: 'photos',
    peer: 'keras',
    peerLabel: 'Keras, image_dataset_from_directory and predict',
    each: 'call',
    job: { job: 'photos', network: 'inceptionV3', photos: 200 },
    folder: { train: 200, validation: 0 },
    ours: [
      { label: 'inceptionV3, from photo files to features', targets: { time: 2.5 } },
      { label: 'inceptionV3, from photo files to features in int8', settings: { precision: 'int8' }, targets: { time: 2.5 } },
    ],
  },
  tutorial('tutorial', 'both', "tutorial's job"),
  tutorial('whole', 'peer', "tutorial's job, 3,000 photos and 10 epochs"),
  {
    name: 'memory',
    peer: 'keras',
    peerLabel: 'Keras, photos in one array',
    each: 'process',
    job: { job: 'tutorial', network: 'inceptionV3', photos: 3000, epochs: tutorialEpochs, inMemory: true },
    folder: { train: 2000, validation: 1000 },
    scales: 'both',
    ours: [{ label: "tutorial's job, fp32", targets: { time: 20, memory: 5 } }],
  },
  trainingStep('resnet50', 'batch norm in training mode', { time: 0.95 }),
  trainingStep('resnet50', 'batch norm frozen', { time: 1.1 }, true),
  trainingStep('mobilenet', 'batch norm in training mode', { time: 1.0 }),
  {
    name: 'finetune',
    peer: 'torch',
    peerLabel: 'PyTorch bf16, by hand',
    each: 'process',
    job: { job: 'finetune', network: 'resnet50', photos: 128, epochs: 5 },
    folder: { train: 128, validation: 0 },
    ours: [
      { label: 'resnet50, last stage for 5 epochs, fp32', targets: { time: 3 } },
      { label: 'resnet50, last stage for 5 epochs, frozen part in int8', settings: { precision: 'int8' }, targets: { time: 3 } },
    ],
  },
  {
    name: 'cold',
    peer: 'keras',
    peerLabel: 'Keras, one process',
    each: 'process',
    job: { job: 'cold', network: 'mobilenet', photos: 1 },
    folder: { train: 2, validation: 0 },
    ours: [
      {
        label: 'cold process, one photo, MobileNet 0.25',
        targets: { time: 8, memory: 3 },
        isAgain: true,
        command: ({ folder, weights }) => ['dist/cli/main.js', 'predict', 'mobilenet', `${folder}/train/cat/0.jpg`, '--alpha', '0.25', '--weights', weights], // prettier-ignore
      },
    ],
  },
]

function trainingStep(network: NetworkName, how: string, targets: Targets, frozenBatchNorm = false): Row {
  return {
    name: `train-${network}${frozenBatchNorm ? '-frozen-batch-norm' : ''}`,
    peer: 'torch',
    peerLabel: 'PyTorch fp32',
    each: 'call',
    job: { job: 'train', network, photos: 16, frozenBatchNorm },
    ours: [{ label: `${network}, training step, ${how}, batch 16`, targets }],
  }
}

/** The tutorial's job in our three ways. */
function tutorial(name: string, scales: 'both' | 'peer', label: string): Row {
  return {
    name,
    peer: 'keras',
    peerLabel: 'Keras, photos read in every epoch',
    each: 'process',
    job: { job: 'tutorial', network: 'inceptionV3', photos: 3000, epochs: tutorialEpochs },
    folder: { train: 2000, validation: 1000 },
    scales,
    ours: [
      { label: `${label}, fp32`, targets: { time: 20, memory: 5 } },
      { label: `${label}, int8`, settings: { precision: 'int8' }, targets: { time: 35, memory: 5 } },
      { label: `${label}, again with stored features`, targets: { time: 300 }, isAgain: true },
    ],
  }
}
