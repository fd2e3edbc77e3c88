/** @file What an optimizer is: the nodes of one weight's update, the state that it keeps, and the numbers fed at each step. */
import { RootstockError } from '../../errors.ts'
import type { Tape, Value } from '../../graph/index.ts'
import type { Schedule } from '../schedules/index.ts'
import { averaged } from './average.ts'

/** Options that every optimizer takes, with Keras's names and meaning. */
export interface OptimizerOptions {
  /** A number above 0, or a schedule. */
  readonly learningRate?: number | Schedule
  /** Takes learningRate · weightDecay · weight off every weight at each step, apart from the gradient. Default none. */
  readonly weightDecay?: number | null
  /** Scales each weight's gradient down to at most this norm. */
  readonly clipnorm?: number | null
  /** Scales all gradients together down to at most this norm. */
  readonly globalClipnorm?: number | null
  /** Cuts each number of a gradient to ±clipvalue. */
  readonly clipvalue?: number | null
  /** Keeps a moving average of every weight, which the model holds when `fit` is over. Default false. */
  readonly useEma?: boolean
  /** Share of the old average in the new one: 0 … 1. Default 0.99. */
  readonly emaMomentum?: number
  /** Steps after which the weights themselves become their averages, again and again. Default: never. */
  readonly emaOverwriteFrequency?: number | null
}

/** What the update of one weight sees. All values have the weight's shape; scalars have none. */
export interface UpdateContext<Slot extends string, Scalar extends string> {
  readonly tape: Tape
  readonly weight: Value
  readonly gradient: Value
  readonly slots: Readonly<Record<Slot, Value>>
  readonly scalars: Readonly<Record<Scalar, Value>>
}

export interface Updated<Slot extends string> {
  readonly weight: Value
  readonly slots: Readonly<Record<Slot, Value>>
}

/** One rule of descent. `step` counts from 1. */
export interface Rule<Slot extends string = string, Scalar extends string = string> {
  /** What it keeps for each weight, by Keras's names. */
  readonly slots: readonly Slot[]
  /** What a slot holds before the first step. Default 0. */
  readonly initial?: number
  /** Numbers that change from step to step, in float32 as Keras computes them. */
  readonly scalars: (step: number, learningRate: number) => Readonly<Record<Scalar, number>>
  /** Records the new weight and the new slots. */
  readonly update: (context: UpdateContext<Slot, Scalar>) => Updated<Slot>
}

/** A rule with its settings. */
export interface Optimizer {
  /** Keras's name. */
  readonly name: string
  /** A number above 0, or a schedule over the steps. */
  readonly learningRate: number | Schedule
  /** Bounds on gradients. */
  readonly clipping: Clipping
  /** Share of each weight, times the rate, taken off in every step; undefined for none. */
  readonly weightDecay: number
  /** How a weight moves. */
  readonly rule: Rule
  /** Everything that made it, defaults included. */
  readonly config: Readonly<Record<string, unknown>>
}

export type Clipping = { readonly kind: 'none' } | { readonly kind: 'norm' | 'globalNorm' | 'value'; readonly limit: number }

/** Checks the common options and completes an optimizer. */
export function makeOptimizer<S extends string, N extends string>(name: string, options: OptimizerOptions, rule: Rule<S, N>): Optimizer {
  const learningRate = options.learningRate ?? 0.001
  if (typeof learningRate === 'number' && !(learningRate >= 0 && Number.isFinite(learningRate))) {
    throw new RootstockError('USAGE', `Invalid learningRate of ${name}: found ${learningRate}, expected a number of at least 0`)
  }
  return {
    name,
    learningRate,
    clipping: clippingOf(name, options),
    weightDecay: options.weightDecay ?? 0,
    rule: options.useEma ? averaged(name, options, rule) : rule,
    config: { ...options },
  }
}

function clippingOf(name: string, { clipnorm, globalClipnorm, clipvalue }: OptimizerOptions): Clipping {
  const given = [
    { kind: 'norm', limit: clipnorm },
    { kind: 'globalNorm', limit: globalClipnorm },
    { kind: 'value', limit: clipvalue },
  ] as const
  const set = given.flatMap(({ kind, limit }) => (limit == null ? [] : [{ kind, limit }]))
  if (set.length > 1)
    throw new RootstockError('USAGE', `Cannot make ${name}: found several of clipnorm, globalClipnorm and clipvalue, expected at most one`)
  const [only] = set
  if (only && !(only.limit > 0))
    throw new RootstockError('USAGE', `Cannot make ${name}: found a clipping limit of ${only.limit}, expected a number above 0`)
  return only ?? { kind: 'none' }
}
