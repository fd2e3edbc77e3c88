/** @file Trains a run's stages one after the other, with the callbacks that every stage has. */
import { join } from 'node:path'
import { callbacks, optimizers, type Callback, type FitOptions, type History, type Logs } from '../training/index.ts'
import { freezeUpTo } from './classifier-model.ts'
import { DEFAULTS } from './defaults.ts'
import { pick } from './pick.ts'
import { cutmixWaits, ratesByDepth, stagesFor, type Stage } from './recipe.ts'
import { stageCheckpoint } from './resume.ts'
import { runFiles, writeHistory } from './run-folder.ts'
import type { Job } from './run-job.ts'

/** All stages; the best epoch of any of them is kept. */
export async function trainStages(job: Job): Promise<History['history']> {
  const { options, base, spec, split } = job
  const steps = Math.ceil(split.train.size / (options.batchSize ?? DEFAULTS.batchSize))
  const { stage: first = 0, before = {} } = job.resumed ?? {}
  const whole = Object.fromEntries(Object.entries(before).map(([name, values]) => [name, [...values]]))
  const checkpoint = callbacks.modelCheckpoint({ filepath: join(job.run, runFiles.best), saveBestOnly: true, ...monitorOf(job) })
  const stages = stagesFor(spec.network, options, steps)
  for (const [number, stage] of stages.entries()) {
    if (number < first) continue
    freezeUpTo(base, stage.from, options.weights !== 'none')
    const { history } = await trainStage(job, stage, { before: whole, checkpoint, number, stages })
    for (const [name, values] of Object.entries(history)) (whole[name] ??= []).push(...values)
    if (options.signal?.aborted) break
  }
  return whole
}

async function trainStage(
  job: Job,
  stage: Stage,
  shared: {
    before: Record<string, number[]>
    checkpoint: ReturnType<typeof callbacks.modelCheckpoint>
    number: number
    stages: readonly Stage[]
  },
): Promise<History> {
  const { net, options, split, emit, run } = job
  const trained = net.layers.filter((layer) => layer.trainable && layer.weights.length > 0).map(({ name }) => name)
  net.compile({
    optimizer: optimizers.adam({ learningRate: stage.learningRate }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
    learningRateFactors: ratesByDepth(trained, stage.layerDecay),
  })
  const initialEpoch = shared.before['loss']?.length ?? 0
  const until = initialEpoch + (options.epochs ?? 10)
  const history = callbacks.history()
  const store = {
    name: 'historyFile',
    onEpochEnd: (_epoch: number, logs: Logs) => writeHistory(run, joined(shared.before, history.history, logs)),
  }
  return net.fit(split.train, {
    ...pick(options, ['augmentation', 'views', 'readSize', 'featureStore', 'precision', 'classWeight', 'signal', 'sanity']),
    ...mixOf(stage, shared.stages, job),
    epochs: until,
    initialEpoch,
    checkpoint: stageCheckpoint(job, { stage: shared.number, stages: shared.stages.length, until, before: shared.before }),
    resume: shared.number === job.resumed?.stage,
    batchSize: options.batchSize ?? DEFAULTS.batchSize,
    seed: options.seed ?? 0,
    ...(split.validation.size > 0 ? { validationData: split.validation } : {}),
    callbacks: [shared.checkpoint, ...rateCallbacks(job, stage), store, history],
    onEvent: emit,
  })
}

function mixOf(stage: Stage, stages: readonly Stage[], { options: { mix } }: Job): Pick<FitOptions, 'mix'> {
  return mix && !(mix.name === 'cutmix' && cutmixWaits(stage, stages)) ? { mix } : {}
}

/** When to stop, and when to go slower. */
function rateCallbacks(job: Job, { isReducible }: Stage): Callback[] {
  const { patience = DEFAULTS.patience, weights } = job.options
  const monitor = monitorOf(job)
  return [
    ...(patience === null ? [] : [callbacks.earlyStopping({ patience, restoreBestWeights: true, ...monitor })]),
    isReducible ? callbacks.reduceLROnPlateau({ factor: 0.3, patience: weights === 'none' ? 4 : 2, ...monitor }) : rateLog,
  ]
}

/** Notes the rate of a schedule, as reduceLROnPlateau notes its own. */
const rateLog: Callback = {
  name: 'rateLog',
  onEpochEnd(_epoch, logs, control) {
    logs['learning_rate'] = control.learningRate
  },
}

/** Without validation photos the training loss must serve. */
const monitorOf = ({ split }: Job): { monitor: string } => ({ monitor: split.validation.size > 0 ? 'val_loss' : 'loss' })

/** Rows so far, those of this stage, and the row just finished. */
function joined(before: Record<string, number[]>, stage: Record<string, number[]>, logs: Logs): Record<string, number[]> {
  const names = new Set([...Object.keys(before), ...Object.keys(stage), ...Object.keys(logs)])
  return Object.fromEntries(
    [...names].map((name) => [name, [...(before[name] ?? []), ...(stage[name] ?? []), ...(name in logs ? [logs[name]!] : [])]]),
  )
}
