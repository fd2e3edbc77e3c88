/** @file What callbacks may touch of a run, and how a run ends before its time. */
import { RootstockError } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import { writeModelConfig } from '../formats/keras/index.ts'
import { lower, type Functional } from '../models/index.ts'
import { averagesOf } from './averages.ts'
import type { Callback, CallbackState, ModelAccess, TrainingControl } from './callback.ts'
import { learningRateOf, type Compiled } from './compile.ts'
import type { TrainingEvent } from './events.ts'
import { Predictor } from './predict.ts'
import { loadWeights } from './saving/load-weights.ts'
import type { GradientStore } from './step-graph.ts'
import { saveModelFile, saveWeightsFile } from './saving/save-model.ts'

export interface RunControl extends TrainingControl {
  /** Whether the run should end after the present epoch. */
  ended(): boolean
  /** Whether a callback asked for the end. */
  stopped(): boolean
  /** The run was stopped before it was interrupted. */
  restoreStopped(): void
  /** Where steps leave their gradients, if a callback wants them. */
  readonly gradients: GradientStore | undefined
  /** What a callback asked for with `resumeAt`. */
  readonly resumed: { readonly epoch: number; readonly states: readonly CallbackState[] } | undefined
}

export interface ControlOptions {
  readonly onEvent?: (event: TrainingEvent) => void
  readonly signal?: AbortSignal
  readonly callbacks?: readonly Callback[]
  /** Whether a checkpoint was found. */
  readonly resumes?: boolean
}

export function createControl(model: Functional, compiled: Compiled, options: ControlOptions): RunControl {
  const { onEvent, signal, callbacks = [], resumes = false } = options
  const gradients = gradientStore(callbacks)
  let stopped = false
  let epoch = 0
  let resumed: RunControl['resumed']
  const aborted = (): boolean => signal?.aborted ?? false
  const emit = (event: TrainingEvent): void => {
    if (event.type === 'epochBegin') epoch = event.epoch
    onEvent?.(event)
  }
  return {
    model: modelAccess(model, compiled, gradients),
    metricDirections: new Map(compiled.metrics.map((metric) => [metric.name, metric.direction])),
    get learningRate() {
      return learningRateOf(compiled)
    },
    set learningRate(value) {
      setLearningRate(compiled, value)
    },
    get iterations() {
      return compiled.iterations
    },
    callbacks,
    gradients,
    get resumed() {
      return resumed
    },
    get resumes() {
      return resumes || resumed !== undefined
    },
    resumeAt: (at, states = []) => void (resumed = { epoch: at, states }),
    emit,
    stop(reason, by = 'callback') {
      stopped = true
      emit({ type: 'stopped', reason, by, epoch })
    },
    stopped: () => stopped,
    restoreStopped: () => void (stopped = true),
    aborted,
    ended: () => stopped || aborted(),
  }
}

function setLearningRate(compiled: Compiled, value: number): void {
  const { learningRate } = compiled.optimizer
  if (typeof learningRate !== 'number') {
    throw new RootstockError('USAGE', `Cannot set the learning rate: the optimizer follows the schedule ${learningRate.name}`, {
      hint: 'Give the optimizer a number instead of a schedule',
    })
  }
  compiled.learningRate = Math.fround(value)
}

function gradientStore(callbacks: readonly Callback[]): GradientStore | undefined {
  return callbacks.some(({ wantsGradients }) => wantsGradients) ? new Map() : undefined
}

function modelAccess(model: Functional, compiled: Compiled, gradients: GradientStore | undefined): ModelAccess {
  const changing = model.weights.filter((weight) => compiled.trainableLayers.has(weight.layer))
  return {
    weights: model.weights,
    saveWeights: (path) => saveWeightsFile(model, compiled, path),
    save: (path) => saveModelFile(model, compiled, path),
    loadWeights: async (path) => void (await loadWeights(model, compiled, path)),
    toJson: () => JSON.stringify(writeModelConfig(model, 'keras3')),
    graph() {
      if (model.inputs.some(({ shape }) => shape.slice(1).includes(null))) return undefined
      const { tape, outputs } = lower(model, { training: false })
      return tape.graph(outputs)
    },
    activations: (photos, layer) => activations(model, photos, layer),
    gradients: () =>
      Array.from(gradients ?? [], ([weight, values]) => {
        const copy = { ...values, data: Float32Array.from(values.data) }
        return { path: weight.path, values: weight.toKerasLayout(copy) }
      }),
    averages: averagesOf(compiled),
    // Weights of frozen layers cannot change, so the copy is as small as what trains.
    snapshot: () => Promise.resolve(changing.map((weight) => weight.value())),
    restore(snapshot) {
      changing.forEach((weight, i) => weight.assign(snapshot[i]!))
      return Promise.resolve()
    },
  }
}

async function activations(model: Functional, photos: Tensor<'float32'>, layer: string | undefined): Promise<Tensor<'float32'>> {
  const output = layer === undefined ? model.output.call.inputs[0] : model.getLayer(layer).output
  const predictor = new Predictor(model, [output ?? model.output])
  try {
    const [found] = await predictor.run([photos])
    return found!
  } finally {
    await predictor.dispose()
  }
}
