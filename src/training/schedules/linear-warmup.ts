/** @file A straight rise to the first rate of any other schedule. */
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Schedule } from './schedule.ts'

/** What `linearWarmup` takes. */
export interface LinearWarmupOptions {
  /** Starts, at its own step 0, when the warm-up is over. */
  readonly schedule: Schedule
  /** At least 1. */
  readonly warmupSteps: number
  /** At step 0; default 0. */
  readonly initialLearningRate?: number
}

/** The settings of `linearWarmup`. */
export interface LinearWarmupConfig {
  /** What follows the warm-up. */
  readonly schedule: Pick<Schedule, 'name' | 'config'>
  /** How long it takes. */
  readonly warmupSteps: number
  /** The rate at the first step. */
  readonly initialLearningRate: number
}

/** Rises from `initialLearningRate` to the first rate of `schedule` in `warmupSteps` steps, then follows it. Keras has it in CosineDecay only. */
export function linearWarmup(options: LinearWarmupOptions): Schedule<LinearWarmupConfig> {
  refuseUnknown('linearWarmup', options, { schedule: true, warmupSteps: true, initialLearningRate: true })
  const { schedule, warmupSteps, initialLearningRate = 0 } = options
  checksFor('linearWarmup').whole('warmupSteps', warmupSteps, 1)
  checksFor('linearWarmup').atLeast('initialLearningRate', initialLearningRate, 0)
  const top = schedule.at(0)
  return {
    name: 'LinearWarmup',
    config: { schedule: { name: schedule.name, config: schedule.config }, warmupSteps, initialLearningRate },
    at(step) {
      if (step >= warmupSteps) return schedule.at(step - warmupSteps)
      return initialLearningRate + ((top - initialLearningRate) * step) / warmupSteps
    },
  }
}
