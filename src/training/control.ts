/** @file What callbacks may touch of a run, and how a run ends before its time. */
import { RootstockError } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Functional } from '../models/index.ts'
import type { ModelAccess, TrainingControl } from './callback.ts'
import { learningRateOf, type Compiled } from './compile.ts'
import type { TrainingEvent } from './events.ts'
import { saveModelFile, saveWeightsFile } from './saving.ts'

export interface RunControl extends TrainingControl {
  /** Whether the run should end after the present epoch. */
  ended(): boolean
  /** Whether the run's AbortSignal was raised. */
  aborted(): boolean
}

export interface ControlOptions {
  readonly onEvent?: (event: TrainingEvent) => void
  readonly signal?: AbortSignal
}

export function createControl(model: Functional, compiled: Compiled, { onEvent, signal }: ControlOptions): RunControl {
  let stopped = false
  let epoch = 0
  const aborted = (): boolean => signal?.aborted ?? false
  const emit = (event: TrainingEvent): void => {
    if (event.type === 'epochBegin') epoch = event.epoch
    onEvent?.(event)
  }
  return {
    model: modelAccess(model, compiled),
    metricDirections: new Map(compiled.metrics.map((metric) => [metric.name, metric.direction])),
    get learningRate() {
      return learningRateOf(compiled)
    },
    set learningRate(value) {
      if (typeof compiled.optimizer.learningRate !== 'number') {
        throw new RootstockError(
          'USAGE',
          `Cannot set the learning rate: the optimizer follows the schedule ${compiled.optimizer.learningRate.name}`,
          {
            hint: 'Give the optimizer a number instead of a schedule',
          },
        )
      }
      compiled.learningRate = Math.fround(value)
    },
    emit,
    stop(reason, by = 'callback') {
      stopped = true
      emit({ type: 'stopped', reason, by, epoch })
    },
    aborted,
    ended: () => stopped || aborted(),
  }
}

function modelAccess(model: Functional, compiled: Compiled): ModelAccess {
  const changing = model.weights.filter((weight) => compiled.trainableLayers.has(weight.layer))
  return {
    weights: model.weights,
    saveWeights: (path) => saveWeightsFile(model, path),
    save: (path) => saveModelFile(model, path),
    // Weights of frozen layers cannot change, so the copy is as small as what trains.
    snapshot: () => Promise.all(changing.map((weight) => weight.read())),
    restore(snapshot) {
      const tensors = snapshot as readonly Tensor[]
      changing.forEach((weight, i) => weight.assign(tensors[i]!))
      return Promise.resolve()
    },
  }
}
