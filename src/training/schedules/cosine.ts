/** @file The schedules that follow half a cosine wave, once or with warm restarts. */
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Schedule } from './schedule.ts'

/** The settings of `cosineDecay`. */
export interface CosineDecayConfig {
  /** At step 0; where the warm-up starts when there is one. */
  readonly initialLearningRate: number
  /** Steps of the decay, after the warm-up; above 0. */
  readonly decaySteps: number
  /** The rate at the end as a part of the highest one; default 0. */
  readonly alpha: number
  /** The highest rate, reached after the warm-up; default null: no warm-up. */
  readonly warmupTarget: number | null
  /** Default 0. */
  readonly warmupSteps: number
}

/** CosineDecayConfig with everything but the first two left to its default. */
export type CosineDecayOptions = Pick<CosineDecayConfig, 'initialLearningRate' | 'decaySteps'> & Partial<CosineDecayConfig>

const COSINE: Readonly<Record<keyof CosineDecayOptions, true>> = {
  initialLearningRate: true,
  decaySteps: true,
  alpha: true,
  warmupTarget: true,
  warmupSteps: true,
}

/** A straight rise to `warmupTarget` (if given), then half a cosine wave down (Loshchilov and Hutter 2016); Keras's CosineDecay. */
export function cosineDecay(options: CosineDecayOptions): Schedule<CosineDecayConfig> {
  refuseUnknown('cosineDecay', options, COSINE)
  const config = { alpha: 0, warmupTarget: null, warmupSteps: 0, ...options }
  const { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps } = config
  checkCosine(config)
  const top = warmupTarget ?? initialLearningRate
  const start = warmupTarget === null ? 0 : warmupSteps
  return {
    name: 'CosineDecay',
    config,
    at(step) {
      if (step < start) return initialLearningRate + ((top - initialLearningRate) * step) / start
      return top * halfWave(Math.min(step - start, decaySteps) / decaySteps, 1, alpha)
    },
  }
}

/** The settings of `cosineDecayRestarts`. */
export interface CosineDecayRestartsConfig {
  /** The rate at the beginning of the first period. */
  readonly initialLearningRate: number
  /** Length of the first period; above 0. */
  readonly firstDecaySteps: number
  /** Each period is this many times as long as the one before; at least 1; default 2. */
  readonly tMul: number
  /** Each period starts at this part of the rate of the one before; default 1. */
  readonly mMul: number
  /** The lowest rate as a part of `initialLearningRate`; default 0. */
  readonly alpha: number
}

/** CosineDecayRestartsConfig with everything but the first two left to its default. */
export type CosineDecayRestartsOptions = Pick<CosineDecayRestartsConfig, 'initialLearningRate' | 'firstDecaySteps'> &
  Partial<CosineDecayRestartsConfig>

const RESTARTS: Readonly<Record<keyof CosineDecayRestartsOptions, true>> = {
  initialLearningRate: true,
  firstDecaySteps: true,
  tMul: true,
  mMul: true,
  alpha: true,
}

/** Half cosine waves one after the other (SGDR); Keras's CosineDecayRestarts. */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): Schedule<CosineDecayRestartsConfig> {
  refuseUnknown('cosineDecayRestarts', options, RESTARTS)
  const config = { tMul: 2, mMul: 1, alpha: 0, ...options }
  const { initialLearningRate, firstDecaySteps, tMul, mMul, alpha } = config
  const checks = checksFor('cosineDecayRestarts')
  checks.atLeast('initialLearningRate', initialLearningRate, 0)
  checks.require(Number.isFinite(firstDecaySteps) && firstDecaySteps > 0, 'firstDecaySteps', firstDecaySteps, 'a number above 0')
  checks.atLeast('tMul', tMul, 1)
  checks.atLeast('mMul', mMul, 0)
  checks.atLeast('alpha', alpha, 0)
  return {
    name: 'CosineDecayRestarts',
    config,
    at(step) {
      const { restarts, fraction } = periodAt(step, firstDecaySteps, tMul)
      return initialLearningRate * halfWave(fraction, mMul ** restarts, alpha)
    },
  }
}

/** (1 − α) · height · (1 + cos(π · fraction)) / 2 + α. */
function halfWave(fraction: number, height: number, alpha: number): number {
  return (1 - alpha) * height * 0.5 * (1 + Math.cos(Math.PI * fraction)) + alpha
}

/** Walks the periods: Keras's quotient of logarithms is off by a whole period at some restarts, since it is rounded. */
function periodAt(step: number, first: number, factor: number): { restarts: number; fraction: number } {
  if (factor === 1) return { restarts: Math.floor(step / first), fraction: (step % first) / first }
  let [restarts, start, length] = [0, 0, first]
  while (step >= start + length) {
    start += length
    length *= factor
    restarts++
  }
  return { restarts, fraction: (step - start) / length }
}

function checkCosine({ initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps }: CosineDecayConfig): void {
  const checks = checksFor('cosineDecay')
  checks.atLeast('initialLearningRate', initialLearningRate, 0)
  checks.require(Number.isFinite(decaySteps) && decaySteps > 0, 'decaySteps', decaySteps, 'a number above 0')
  checks.atLeast('alpha', alpha, 0)
  checks.atLeast('warmupSteps', warmupSteps, 0)
  if (warmupTarget !== null) checks.atLeast('warmupTarget', warmupTarget, 0)
  // Keras ignores warmup_steps then; a warm-up that never happens is surely not what was meant.
  checks.require(
    warmupTarget !== null || warmupSteps === 0,
    'warmupTarget',
    warmupTarget,
    `a rate, since warmupSteps is ${String(warmupSteps)}`,
  )
}
