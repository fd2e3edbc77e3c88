/** @file Between a run in memory and a checkpoint: what is taken out, and how it is put back. */
import { RootstockError } from '../../errors.ts'
import type { NamedTensor } from '../../formats/safetensors/index.ts'
import type { Variable } from '../../layers/index.ts'
import type { Functional } from '../../models/index.ts'
import { sameShape, showShape, type Tensor } from '../../tensor/index.ts'
import { averagesOf, restoreAverages } from '../averages.ts'
import { callbackStates, restoreCallbacks, type Callback } from '../callback.ts'
import { slotsOf, type Compiled, type TrainedTensor } from '../compile.ts'
import type { RunControl } from '../control.ts'
import type { CheckpointFile, CheckpointState } from './checkpoint-file.ts'
import type { Progress } from './progress.ts'

/** What a checkpoint is taken of. */
export interface RunParts {
  readonly model: Functional
  readonly compiled: Compiled
  readonly control: RunControl
  readonly callbacks: readonly Callback[]
  /** What must be the same when the run goes on, by name. */
  readonly settings: Readonly<Record<string, string>>
}

/** A tensor of the run that training changes. */
interface Place {
  readonly name: string
  readonly variable: Variable
  /** Undefined for the weight itself. */
  readonly slot: TrainedTensor | undefined
}

/** What a checkpoint is written of. The tensors are not copied: write them before the next step. */
interface TakenState {
  readonly state: CheckpointState
  /** Weights, what the optimizer and the callbacks remember. */
  readonly tensors: readonly NamedTensor[]
  /** The last step's, where a callback wants to see them: training goes on without. */
  readonly gradients: readonly NamedTensor[]
}

/** The state of a run between two batches. */
export function takeState(run: RunParts, progress: Progress, extra: unknown): TakenState {
  const { compiled, control } = run
  const callbacks = callbackStates(run.callbacks)
  const own = placesOf(run).map(({ name, variable, slot }) => ({ name, tensor: slot?.current ?? variable.graphValue() }))
  const theirs = callbacks.flatMap(({ name, tensors = [] }, i) =>
    tensors.map((tensor, k) => ({ name: callbackTensor(i, k, name), tensor })),
  )
  return {
    state: {
      format: 1,
      settings: { ...run.settings },
      progress: { ...progress },
      stopped: control.stopped(),
      iterations: compiled.iterations,
      learningRate: compiled.learningRate ?? null,
      averagesInModel: averagesOf(compiled)?.inModel ?? false,
      metrics: compiled.metrics.map((metric) => metric.state?.() ?? null),
      callbacks: callbacks.map(({ name, state, tensors = [] }) => ({ name, state, tensors: tensors.length })),
      extra,
    },
    tensors: [...own, ...theirs],
    gradients: compiled.trainable.flatMap((variable, i) => {
      const tensor = control.gradients?.get(variable)
      return tensor ? [{ name: gradientOf(i, variable), tensor }] : []
    }),
  }
}

/** Puts everything back. Throws FORMAT where the checkpoint lacks a tensor of the run. */
export function putState(run: RunParts, { path, state, tensors }: CheckpointFile): void {
  const { compiled, control } = run
  const find = (name: string): Tensor<'float32'> => {
    const found = tensors.get(name)
    if (found) return found
    throw new RootstockError('FORMAT', `Cannot resume from ${path}: it does not hold ${name}`)
  }
  const found = placesOf(run).map((place) => ({ ...place, tensor: find(place.name) }))
  for (const { name, variable, tensor } of found) {
    if (sameShape(tensor.shape, variable.graphShape)) continue
    throw new RootstockError(
      'FORMAT',
      `Cannot resume from ${path}: ${name} has shape ${showShape(tensor.shape)}, expected ${showShape(variable.graphShape)}`,
    )
  }
  for (const { variable, slot, tensor } of found) {
    if (slot) Object.assign(slot, { current: tensor, spare: undefined })
    else variable.setGraphValue(tensor)
  }
  compiled.trainable.forEach((variable, i) => {
    const gradient = tensors.get(gradientOf(i, variable))
    if (gradient && sameShape(gradient.shape, variable.graphShape)) control.gradients?.set(variable, gradient)
  })
  restoreAverages(compiled, state.averagesInModel)
  compiled.iterations = state.iterations
  compiled.learningRate = state.learningRate ?? undefined
  if (state.stopped) control.restoreStopped()
  // In the middle of an epoch metrics have gathered something; a new epoch begins without.
  if (state.progress.batch > 0) compiled.metrics.forEach((metric, i) => metric.restore?.(state.metrics[i]))
  restoreCallbacks(
    run.callbacks,
    state.callbacks.map(({ name, state: remembered, tensors: count }, i) => ({
      name,
      state: remembered,
      tensors: Array.from({ length: count }, (_, k) => find(callbackTensor(i, k, name))),
    })),
  )
}

/** The weights whose layers train, moving statistics among them, and the optimizer's memory of them. */
function placesOf({ model, compiled }: RunParts): Place[] {
  const weights = model.weights
    .filter((weight) => compiled.trainableLayers.has(weight.layer))
    .map((variable, i) => ({ name: `weight/${i}/${variable.path}`, variable, slot: undefined }))
  const slots = compiled.trainable.flatMap((variable, i) =>
    Object.entries(slotsOf(compiled, variable)).map(([slot, tensor]) => ({
      name: `optimizer/${i}/${variable.path}/${slot}`,
      variable,
      slot: tensor,
    })),
  )
  return [...weights, ...slots]
}

const gradientOf = (at: number, { path }: Variable): string => `gradient/${at}/${path}`

const callbackTensor = (at: number, tensor: number, name: string): string => `callback/${at}/${name}/${tensor}`
