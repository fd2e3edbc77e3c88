/** @file The contract between the training loop and its callbacks, and the one place that calls them. */
import { messageOf, RootstockError, shownValue } from '../errors.ts'
import type { Graph } from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Logs, TrainingEvent } from './events.ts'

/** A weight as callbacks see it. */
export interface WeightAccess {
  /** Keras's path, such as `dense_new/kernel`. */
  readonly path: string
  /** Counts the changes; equal versions mean equal numbers. */
  readonly version: number
  read(): Promise<Tensor>
  /** The numbers themselves in an order of their own, quicker than `read`: to be looked at, not kept. */
  numbers(): ArrayLike<number>
  assign(values: Tensor | Float32Array): void
}

/** The gradient of the loss by one weight, in Keras's layout, as it is before clipping. */
export interface Gradient {
  readonly path: string
  readonly values: Tensor<'float32'>
}

/** The moving averages that an optimizer with `useEma` keeps of the weights. */
export interface AverageAccess {
  /** Whether the model holds the averages now, and training's own weights lie aside. */
  readonly inModel: boolean
  /** Exchanges the weights and their averages. */
  swap(): void
}

/** Copies of all weights that train. */
export type WeightSnapshot = readonly Tensor<'float32'>[]

/** The model as callbacks see it. */
export interface ModelAccess {
  readonly weights: readonly WeightAccess[]
  saveWeights(path: string): Promise<void>
  save(path: string): Promise<void>
  loadWeights(path: string): Promise<void>
  /** Layers, names and connections in Keras's JSON. */
  toJson(): string
  /** The operators of a forward pass; undefined while the size of the photos is open. */
  graph(): Graph | undefined
  /** What a layer makes of photos, one row for each; the layer before the last one when none is named. Throws UNKNOWN_NAME. */
  activations(photos: Tensor<'float32'>, layer?: string): Promise<Tensor<'float32'>>
  /** Copies of the last step's gradients, by weight; none unless a callback of the run has `wantsGradients`. */
  gradients(): readonly Gradient[]
  /** Moving averages of the weights; undefined unless the optimizer was made with useEma. */
  readonly averages: AverageAccess | undefined
  /** A copy of all weights, to be given back to `restore`. */
  snapshot(): Promise<WeightSnapshot>
  restore(snapshot: WeightSnapshot): Promise<void>
}

/** What a callback may touch of a running `fit`. */
export interface TrainingControl {
  /** The model that trains. */
  readonly model: ModelAccess
  /** Of the next step; kept as float32. */
  learningRate: number
  /** Whether less or more is better, by metric name without `val_`; complete before `onTrainBegin`. */
  readonly metricDirections: ReadonlyMap<string, 'min' | 'max'>
  /** Optimizer steps so far, over all runs since `compile`. */
  readonly iterations: number
  /** All callbacks of the run, in order. */
  readonly callbacks: readonly Callback[]
  /** Whether the run's AbortSignal was raised: `onTrainEnd` comes before all epochs are done. */
  aborted(): boolean
  /** Whether the run goes on from a checkpoint: states follow after `onTrainBegin`, and files of the run must not be started anew. */
  readonly resumes: boolean
  /** From `onTrainBegin`: go on at `epoch` instead of the first one, with these states for callbacks of those names. */
  resumeAt(epoch: number, states?: readonly CallbackState[]): void
  /** Ends the run after the current epoch (or batch, when called from a batch hook). The loop emits `stopped`; `by` names the callback. */
  stop(reason: string, by?: string): void
  /** Tells an event to all who listen. */
  emit(event: TrainingEvent): void
}

/** What a callback has to remember, as JSON. */
export interface CallbackState {
  readonly name: string
  readonly state: unknown
  readonly tensors?: readonly Tensor<'float32'>[]
}

type Hooked = void | Promise<void>

/**
 * Something that takes part in `fit` at the named moments; every hook is optional and may be async.
 * Epochs and batches count from 0. An object of this form is a callback; there is nothing to extend.
 */
export interface Callback {
  /** Told in messages and errors; with it a resumed run finds its state. */
  readonly name: string
  /** Have every step leave its gradients for `control.model.gradients()`, which costs their memory. Default false. */
  readonly wantsGradients?: boolean
  /**
   * Whether the hooks of batches must be called while the run stands at that batch: they look at weights, or change the rate. Default true where
   * there are such hooks. With false in all callbacks, up to 32 short steps run in one go and their hooks are called after it, in order.
   */
  readonly followsBatches?: boolean
  /** It keeps what all others know: it is ready before they begin, and looks when they are through with an epoch or the run. Default false. */
  readonly surrounds?: boolean
  /** Once, before everything else. */
  onTrainBegin?(control: TrainingControl): Hooked
  /** Before the first batch of an epoch, counted from 0. */
  onEpochBegin?(epoch: number, control: TrainingControl): Hooked
  /** Before a batch, counted from 0 in its epoch. */
  onTrainBatchBegin?(batch: number, control: TrainingControl): Hooked
  /** After a batch; `logs` are running means over the epoch. */
  onTrainBatchEnd?(batch: number, logs: Logs, control: TrainingControl): Hooked
  /** Before the validation data is passed through. */
  onTestBegin?(control: TrainingControl): Hooked
  /** After it; keys of `logs` carry no `val_`. */
  onTestEnd?(logs: Logs, control: TrainingControl): Hooked
  /** `logs` may be added to; what is added reaches the callbacks after this one, and the history. */
  onEpochEnd?(epoch: number, logs: Logs, control: TrainingControl): Hooked
  /** Once, after everything else, with the figures of the last epoch. */
  onTrainEnd?(logs: Logs, control: TrainingControl): Hooked
  /** Everything that a resumed run must know, as JSON. */
  state?(): unknown
  /** Tensors that belong to `state`, such as a copy of weights; checkpoints of `fit` hold them, other backups do not. */
  tensors?(): readonly Tensor<'float32'>[]
  /**
   * Takes up a stored state, and the tensors where they were kept. The loop calls it after `onTrainBegin`, which forgets the previous run;
   * in the middle of an epoch, after its `onEpochBegin`.
   */
  restore?(state: unknown, tensors?: readonly Tensor<'float32'>[]): void
}

/** The moments at which callbacks are called. */
export type Hook = Exclude<keyof Callback, 'name' | 'wantsGradients' | 'followsBatches' | 'surrounds' | 'state' | 'tensors' | 'restore'>

/** What a hook is called with. */
export type HookArguments<H extends Hook> = Parameters<NonNullable<Callback[H]>>

/** With terminateOnNaN a loss that is no number ends the run as in Keras: without an error, and no step is taken behind it. */
export const endsQuietly = ({ name }: Callback): boolean => name === 'terminateOnNaN'

/** The order in which callbacks come to a hook: the user's, but for those that surround the others. */
function inTurn(callbacks: readonly Callback[], hook: Hook): readonly Callback[] {
  const [first, last] = [hook === 'onTrainBegin', hook === 'onEpochEnd' || hook === 'onTrainEnd']
  if (!first && !last) return callbacks
  const outer = callbacks.filter(({ surrounds }) => surrounds)
  const inner = callbacks.filter(({ surrounds }) => !surrounds)
  return first ? [...outer, ...inner] : [...inner, ...outer]
}

/** Calls one hook of every callback that has it, in order, each after the one before is done. A failure is named: code CALLBACK. */
export async function runCallbacks<H extends Hook>(callbacks: readonly Callback[], hook: H, ...args: HookArguments<H>): Promise<void> {
  for (const callback of inTurn(callbacks, hook)) {
    const called = callback[hook] as ((...values: HookArguments<H>) => Hooked) | undefined
    if (called === undefined) continue
    try {
      await called.apply(callback, args)
    } catch (error) {
      throw named(error, callback.name, hook)
    }
  }
}

/** Throws USAGE for what is no list of callbacks: users may write JavaScript, and what has no hooks would do nothing. */
export function checkCallbacks(callbacks: unknown): void {
  const refuse = (found: string): RootstockError =>
    new RootstockError('USAGE', `Invalid callbacks: found ${found}, expected a list of callbacks`, {
      hint: 'As in callbacks: [earlyStopping()]; a callback of your own is an object with a name and hooks',
    })
  if (!Array.isArray(callbacks)) throw refuse(shownValue(callbacks))
  const at = callbacks.findIndex((callback) => typeof (callback as Partial<Callback> | null | undefined)?.name !== 'string')
  if (at >= 0) throw refuse(`${shownValue(callbacks[at])} without a name at ${at}`)
}

/** What the callbacks that remember something have to say, in order. */
export function callbackStates(callbacks: readonly Callback[]): CallbackState[] {
  return callbacks.flatMap((callback) =>
    callback.state ? [{ name: callback.name, state: callback.state(), tensors: callback.tensors?.() ?? [] }] : [],
  )
}

/** Gives stored states back: the first of a name to the first callback of that name, and so on. */
export function restoreCallbacks(callbacks: readonly Callback[], states: readonly CallbackState[]): void {
  const left = [...states]
  for (const callback of callbacks) {
    const at = left.findIndex(({ name }) => name === callback.name)
    if (at < 0 || !callback.restore) continue
    callback.restore(left[at]?.state, left[at]?.tensors)
    left.splice(at, 1)
  }
}

/** The training loop as text, every callback at its place and in its order. */
export function describeLoop(callbacks: readonly Callback[]): string {
  return LOOP.map(([depth, text, hook]) => {
    const line = '  '.repeat(depth) + text
    if (hook === undefined) return line
    const present = inTurn(callbacks, hook)
      .filter((callback) => callback[hook] !== undefined)
      .map((callback) => callback.name)
    return present.length === 0 ? line : `${line.padEnd(24)} ${present.join(', ')}`
  }).join('\n')
}

/** Indentation, what happens, and the hook when it is one. */
const LOOP: readonly (readonly [depth: number, text: string, hook?: Hook])[] = [
  [0, 'fit'],
  [1, 'onTrainBegin', 'onTrainBegin'],
  [1, 'for each epoch'],
  [2, 'onEpochBegin', 'onEpochBegin'],
  [2, 'for each batch'],
  [3, 'onTrainBatchBegin', 'onTrainBatchBegin'],
  [3, 'forward, backward, optimizer step'],
  [3, 'onTrainBatchEnd', 'onTrainBatchEnd'],
  [2, 'with validation data'],
  [3, 'onTestBegin', 'onTestBegin'],
  [3, 'forward for each batch'],
  [3, 'onTestEnd', 'onTestEnd'],
  [2, 'onEpochEnd', 'onEpochEnd'],
  [1, 'onTrainEnd', 'onTrainEnd'],
]

function named(error: unknown, callback: string, hook: Hook): RootstockError {
  if (error instanceof RootstockError) return error
  return new RootstockError('CALLBACK', `Cannot go on training: callback "${callback}" failed in ${hook}: ${messageOf(error)}`, {
    cause: error,
  })
}
