/** @file lambdaCallback: functions as a callback. */
import { unknownName } from '../../errors.ts'
import type { Callback, Hook } from '../callback.ts'

/** Any of a callback's hooks, and a name for messages. */
export type LambdaCallbackOptions = Partial<Callback>

const HOOKS = {
  onTrainBegin: true,
  onEpochBegin: true,
  onTrainBatchBegin: true,
  onTrainBatchEnd: true,
  onTestBegin: true,
  onTestEnd: true,
  onEpochEnd: true,
  onTrainEnd: true,
} satisfies Record<Hook, true>

const OTHERS = {
  name: true,
  wantsGradients: true,
  followsBatches: true,
  surrounds: true,
  state: true,
  tensors: true,
  restore: true,
} satisfies Record<Exclude<keyof Callback, Hook>, true>

/** A callback made of functions; Keras's LambdaCallback. They take what the hooks of `Callback` take. Throws UNKNOWN_NAME for a hook that does not exist. */
export function lambdaCallback(hooks: LambdaCallbackOptions): Callback {
  const known = [...Object.keys(HOOKS), ...Object.keys(OTHERS)]
  const strange = Object.keys(hooks).find((key) => !known.includes(key))
  if (strange !== undefined) throw unknownName('hook of lambdaCallback', strange, known)
  return { name: 'lambdaCallback', ...hooks }
}
