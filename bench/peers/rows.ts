/** @file The comparisons as data: what both sides do, and how many times faster (or smaller) ours should be at least. */
import type { NetworkName } from '../../src/applications/index.ts'

/** What a side is told to do; the functions of that name are in `ours.ts`, `keras_side.py` and `torch_side.py`. */
export interface Job {
  readonly job: 'train'
  readonly network: NetworkName
  /** Photos of one turn. */
  readonly photos: number
  /** Batch norms neither train nor use the batch's statistics. */
  readonly frozenBatchNorm?: boolean
}

/** One way of ours to do a row's job, as one line of the table. */
export interface Ours {
  readonly label: string
  /** What our side is told beside the job. */
  readonly settings?: Partial<Job>
  /** The peer's figure by ours, at least. */
  readonly targets: { readonly time?: number; readonly memory?: number }
}

export interface Row {
  readonly name: string
  readonly peer: 'keras' | 'torch'
  readonly peerLabel: string
  /** 'call': a long-lived process does the job again and again. 'process': every turn is a process, from its start to its end. */
  readonly each: 'call' | 'process'
  readonly job: Job
  readonly ours: readonly Ours[]
}

export const rows: readonly Row[] = [
  ...trainingStep('resnet50', 'training step, batch norm in training mode', 0.95),
  ...trainingStep('resnet50', 'training step, batch norm frozen', 1.1, true),
  ...trainingStep('mobilenet', 'training step, batch norm in training mode', 1.0),
]

function trainingStep(network: NetworkName, label: string, time: number, frozenBatchNorm = false): Row[] {
  return [
    {
      name: `train-${network}${frozenBatchNorm ? '-frozen-batch-norm' : ''}`,
      peer: 'torch',
      peerLabel: 'PyTorch fp32',
      each: 'call',
      job: { job: 'train', network, photos: 16, frozenBatchNorm },
      ours: [{ label: `${network}, ${label}, batch 16`, targets: { time } }],
    },
  ]
}
