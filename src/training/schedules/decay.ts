/** @file The schedules that decay by a closed formula: exponential, inverse time, polynomial, piecewise constant, and constant. */
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Schedule } from './schedule.ts'

/** The settings of the decays that go on for ever. */
export interface DecayConfig {
  /** At step 0. */
  readonly initialLearningRate: number
  /** Steps after which one unit of decay is reached; above 0. */
  readonly decaySteps: number
  /** How much the rate falls in `decaySteps` steps. */
  readonly decayRate: number
  /** Decay in whole units only; default false. */
  readonly staircase: boolean
}

/** DecayConfig with `staircase` left to its default. */
export type DecayOptions = Omit<DecayConfig, 'staircase'> & Partial<Pick<DecayConfig, 'staircase'>>

const DECAY: Readonly<Record<keyof DecayOptions, true>> = { initialLearningRate: true, decaySteps: true, decayRate: true, staircase: true }

/** initialLearningRate · decayRate^(step / decaySteps); Keras's ExponentialDecay. */
export function exponentialDecay(options: DecayOptions): Schedule<DecayConfig> {
  refuseUnknown('exponentialDecay', options, DECAY)
  const config = { staircase: false, ...options }
  checkDecay('exponentialDecay', config)
  checksFor('exponentialDecay').atLeast('decayRate', config.decayRate, 0)
  return {
    name: 'ExponentialDecay',
    config,
    at: (step) => config.initialLearningRate * config.decayRate ** unitsAt(step, config),
  }
}

/** initialLearningRate / (1 + decayRate · step / decaySteps); Keras's InverseTimeDecay. */
export function inverseTimeDecay(options: DecayOptions): Schedule<DecayConfig> {
  refuseUnknown('inverseTimeDecay', options, DECAY)
  const config = { staircase: false, ...options }
  checkDecay('inverseTimeDecay', config)
  checksFor('inverseTimeDecay').atLeast('decayRate', config.decayRate, 0)
  return {
    name: 'InverseTimeDecay',
    config,
    at: (step) => config.initialLearningRate / (1 + config.decayRate * unitsAt(step, config)),
  }
}

/** The settings of `polynomialDecay`. */
export interface PolynomialDecayConfig {
  /** The rate at the first step. */
  readonly initialLearningRate: number
  /** Steps until `endLearningRate` is reached; above 0. */
  readonly decaySteps: number
  /** Default 1e-4. */
  readonly endLearningRate: number
  /** 1 is a straight line, the default. */
  readonly power: number
  /** Start again from a higher rate after the end, over a period stretched to the next multiple; default false. */
  readonly cycle: boolean
}

/** PolynomialDecayConfig with everything but the first two left to its default. */
export type PolynomialDecayOptions = Pick<PolynomialDecayConfig, 'initialLearningRate' | 'decaySteps'> & Partial<PolynomialDecayConfig>

const POLYNOMIAL: Readonly<Record<keyof PolynomialDecayOptions, true>> = {
  initialLearningRate: true,
  decaySteps: true,
  endLearningRate: true,
  power: true,
  cycle: true,
}

/** (initial − end) · (1 − step / decaySteps)^power + end; Keras's PolynomialDecay. */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule<PolynomialDecayConfig> {
  refuseUnknown('polynomialDecay', options, POLYNOMIAL)
  const config = { endLearningRate: 1e-4, power: 1, cycle: false, ...options }
  const { initialLearningRate, endLearningRate, decaySteps, power, cycle } = config
  checkDecay('polynomialDecay', config)
  checksFor('polynomialDecay').atLeast('endLearningRate', endLearningRate, 0)
  checksFor('polynomialDecay').atLeast('power', power, 0)
  return {
    name: 'PolynomialDecay',
    config,
    at(step) {
      const period = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps
      const progress = Math.min(step, period) / period
      return (initialLearningRate - endLearningRate) * (1 - progress) ** power + endLearningRate
    },
  }
}

/** The settings of `piecewiseConstantDecay`. */
export interface PiecewiseConstantDecayConfig {
  /** Rising steps; the step of a boundary itself still has the value before it. */
  readonly boundaries: readonly number[]
  /** One more than boundaries. */
  readonly values: readonly number[]
}

/** values[i], i being the number of boundaries below the step; Keras's PiecewiseConstantDecay. */
export function piecewiseConstantDecay(options: PiecewiseConstantDecayConfig): Schedule<PiecewiseConstantDecayConfig> {
  refuseUnknown('piecewiseConstantDecay', options, { boundaries: true, values: true })
  const config = { boundaries: [...options.boundaries], values: [...options.values] }
  const { boundaries, values } = config
  const checks = checksFor('piecewiseConstantDecay')
  const rising = boundaries.every((step, i) => Number.isFinite(step) && (i === 0 || step > (boundaries[i - 1] ?? step)))
  checks.require(rising, 'boundaries', boundaries, 'finite steps in rising order')
  checks.require(
    values.length === boundaries.length + 1,
    'values',
    values,
    `${String(boundaries.length + 1)} rates, one more than boundaries`,
  )
  for (const value of values) checks.atLeast('values', value, 0)
  return {
    name: 'PiecewiseConstantDecay',
    config,
    at: (step) => values[boundaries.filter((boundary) => step > boundary).length] ?? 0,
  }
}

/** The settings of `constant`. */
export interface ConstantConfig {
  /** The rate. */
  readonly learningRate: number
}

/** The same rate at every step; for places that take a schedule, such as linearWarmup. */
export function constant(options: ConstantConfig): Schedule<ConstantConfig> {
  refuseUnknown('constant', options, { learningRate: true })
  const config = { ...options }
  checksFor('constant').atLeast('learningRate', config.learningRate, 0)
  return { name: 'Constant', config, at: () => config.learningRate }
}

function unitsAt(step: number, { decaySteps, staircase }: DecayConfig): number {
  return staircase ? Math.floor(step / decaySteps) : step / decaySteps
}

function checkDecay(owner: string, { initialLearningRate, decaySteps }: { initialLearningRate: number; decaySteps: number }): void {
  const checks = checksFor(owner)
  checks.atLeast('initialLearningRate', initialLearningRate, 0)
  checks.require(Number.isFinite(decaySteps) && decaySteps > 0, 'decaySteps', decaySteps, 'a number above 0')
}
