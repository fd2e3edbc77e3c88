/** @file The optimizers: one row each, the mathematics above the nodes. g is the gradient, η the learning rate, t the step from 1. */
import { refuseUnknown } from '../../errors.ts'
import { steps } from '../../graph/index.ts'
import { checksFor } from '../arguments.ts'
import { makeOptimizer, type Optimizer, type OptimizerOptions } from './optimizer.ts'

const { add, div, mul, scale, sqrt, sub } = steps

export interface SgdOptions extends OptimizerOptions {
  /** 0 to 1. Default 0: none. */
  readonly momentum?: number
  /** Looks ahead along the momentum. Default false. */
  readonly nesterov?: boolean
}
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: number
  /** Default 1e-7. */
  readonly epsilon?: number
  /** Divides by the largest mean of squares so far. Default false. */
  readonly amsgrad?: boolean
}
/** What `adamW` takes. */
export interface AdamWOptions extends AdamOptions {
  /** Takes learningRate · weightDecay · weight off every weight at each step. Default 0.004. */
  readonly weightDecay?: number
}
export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the mean of squares. Default 0.9. */
  readonly rho?: number
  /** Default 0: none. */
  readonly momentum?: number
  /** Default 1e-7. */
  readonly epsilon?: number
  /** Subtracts the squared mean of gradients. Default false. */
  readonly centered?: boolean
}
export interface AdagradOptions extends OptimizerOptions {
  /** Default 0.1. */
  readonly initialAccumulatorValue?: number
  /** Default 1e-7. */
  readonly epsilon?: number
}
/** What `nadam` takes. */
export type NadamOptions = Omit<AdamOptions, 'amsgrad'>
export interface LionOptions extends OptimizerOptions {
  /** Above 0, up to 1. Default 0.9. */
  readonly beta1?: number
  /** Default 0.99. */
  readonly beta2?: number
}

const SHARED: Readonly<Record<keyof OptimizerOptions, true>> = {
  learningRate: true,
  weightDecay: true,
  clipnorm: true,
  globalClipnorm: true,
  clipvalue: true,
  useEma: true,
  emaMomentum: true,
  emaOverwriteFrequency: true,
}
const SGD: Readonly<Record<keyof SgdOptions, true>> = { ...SHARED, momentum: true, nesterov: true }
const NADAM: Readonly<Record<keyof NadamOptions, true>> = { ...SHARED, beta1: true, beta2: true, epsilon: true }
const ADAM: Readonly<Record<keyof AdamOptions, true>> = { ...NADAM, amsgrad: true }
const RMSPROP: Readonly<Record<keyof RmspropOptions, true>> = { ...SHARED, rho: true, momentum: true, epsilon: true, centered: true }
const ADAGRAD: Readonly<Record<keyof AdagradOptions, true>> = { ...SHARED, initialAccumulatorValue: true, epsilon: true }
const LION: Readonly<Record<keyof LionOptions, true>> = { ...SHARED, beta1: true, beta2: true }

/** Stochastic gradient descent. Learning rate 0.01 unless given. */
export function sgd(options: SgdOptions = {}): Optimizer {
  refuseUnknown('sgd', options, SGD)
  const { momentum = 0, nesterov = false } = options
  checksFor('sgd').require(momentum >= 0 && momentum <= 1, 'momentum', momentum, 'a number from 0 to 1')
  const complete = { learningRate: 0.01, momentum, nesterov, ...options }
  if (momentum === 0) {
    // w ← w − η·g
    return makeOptimizer('SGD', complete, {
      slots: [],
      scalars: (_step, rate) => ({ rate }),
      update: ({ tape, weight, gradient, scalars }) => ({ weight: sub(tape, weight, mul(tape, gradient, scalars.rate)), slots: {} }),
    })
  }
  // m ← μ·m − η·g;  w ← w + m, or w + μ·m − η·g with Nesterov's look ahead
  return makeOptimizer('SGD', complete, {
    slots: ['momentum'],
    scalars: (_step, rate) => ({ rate }),
    update({ tape, weight, gradient, slots, scalars }) {
      const descent = mul(tape, gradient, scalars.rate)
      const moved = sub(tape, scale(tape, slots.momentum, momentum), descent)
      const step = nesterov ? sub(tape, scale(tape, moved, momentum), descent) : moved
      return { weight: add(tape, weight, step), slots: { momentum: moved } }
    },
  })
}

/** Adam (Kingma and Ba, 2014), ε outside the correction as in Keras. */
export function adam(options: AdamOptions = {}): Optimizer {
  refuseUnknown('adam', options, ADAM)
  return adamRow('Adam', options)
}

/** Adam with decoupled weight decay, 0.004 unless given (Loshchilov and Hutter, 2017). */
export function adamW(options: AdamWOptions = {}): Optimizer {
  refuseUnknown('adamW', options, ADAM)
  const { weightDecay = 0.004 } = options
  checksFor('adamW').finite('weightDecay', weightDecay)
  return adamRow('AdamW', { ...options, weightDecay })
}

// m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − η·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)
function adamRow(name: string, options: AdamOptions): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false } = options
  return makeOptimizer(
    name,
    { beta1, beta2, epsilon, amsgrad, ...options },
    {
      slots: amsgrad ? ['momentum', 'velocity', 'velocity_hat'] : ['momentum', 'velocity'],
      scalars: (t, rate) => ({ alpha: (rate * Math.sqrt(Math.fround(1 - power(beta2, t)))) / Math.fround(1 - power(beta1, t)) }),
      update({ tape, weight, gradient, slots, scalars }) {
        const momentum = towards(tape, slots.momentum, gradient, 1 - beta1)
        const velocity = towards(tape, slots.velocity, mul(tape, gradient, gradient), 1 - beta2)
        const largest = amsgrad ? tape.op('Max', [slots.velocity_hat, velocity], {}) : velocity
        const denominator = add(tape, sqrt(tape, largest), tape.number(epsilon))
        const step = mul(tape, div(tape, momentum, denominator), scalars.alpha)
        const kept = { momentum, velocity, velocity_hat: largest }
        return { weight: sub(tape, weight, step), slots: kept }
      },
    },
  )
}

/** RMSprop. */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  refuseUnknown('rmsprop', options, RMSPROP)
  const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options
  // v ← ρ·v + (1 − ρ)g²;  a ← ρ·a + (1 − ρ)g (centered);  s = η·g/√(v − a² + ε);  m ← μ·m + s;  w ← w − m
  return makeOptimizer(
    'RMSprop',
    { rho, momentum, epsilon, centered, ...options },
    {
      slots: ['velocity', ...(momentum > 0 ? (['momentum'] as const) : []), ...(centered ? (['average_gradient'] as const) : [])],
      scalars: (_step, rate) => ({ rate }),
      update({ tape, weight, gradient, slots, scalars }) {
        const velocity = add(tape, scale(tape, slots.velocity, rho), scale(tape, mul(tape, gradient, gradient), 1 - rho))
        const average = centered ? add(tape, scale(tape, slots.average_gradient, rho), scale(tape, gradient, 1 - rho)) : gradient
        const spread = centered ? sub(tape, velocity, mul(tape, average, average)) : velocity
        const step = div(tape, mul(tape, gradient, scalars.rate), sqrt(tape, add(tape, spread, tape.number(epsilon))))
        const moved = momentum > 0 ? add(tape, scale(tape, slots.momentum, momentum), step) : step
        return { weight: sub(tape, weight, moved), slots: { velocity, momentum: moved, average_gradient: average } }
      },
    },
  )
}

/** Adagrad (Duchi and others, 2011). */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  refuseUnknown('adagrad', options, ADAGRAD)
  const { initialAccumulatorValue = 0.1, epsilon = 1e-7 } = options
  // a ← a + g²;  w ← w − η·g/√(a + ε)
  return makeOptimizer(
    'Adagrad',
    { initialAccumulatorValue, epsilon, ...options },
    {
      slots: ['accumulator'],
      initial: initialAccumulatorValue,
      scalars: (_step, rate) => ({ rate }),
      update({ tape, weight, gradient, slots, scalars }) {
        const accumulator = add(tape, slots.accumulator, mul(tape, gradient, gradient))
        const step = div(tape, mul(tape, gradient, scalars.rate), sqrt(tape, add(tape, accumulator, tape.number(epsilon))))
        return { weight: sub(tape, weight, step), slots: { accumulator } }
      },
    },
  )
}

/** Adam with Nesterov's momentum (Dozat, 2016). */
export function nadam(options: NadamOptions = {}): Optimizer {
  refuseUnknown('nadam', options, NADAM)
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options
  // Here, and not in Adam, Keras rounds the decays before it takes them from one.
  const [mean, squares] = [Math.fround(beta1), Math.fround(beta2)]
  // μₜ = β₁(1 − ½·0.96ᵗ), Πₜ = μ₁…μₜ;  m̂ = μₜ₊₁·m/(1 − Πₜ₊₁) + (1 − μₜ)·g/(1 − Πₜ);  w ← w − η·m̂/(√(v/(1 − β₂ᵗ)) + ε)
  const mu = (t: number): number => mean * (1 - 0.5 * 0.96 ** t)
  // What is below half of the precision changes no 1 − Πₜ: no more factors are needed, however many steps there were.
  const product = (t: number): number => {
    let value = 1
    for (let i = 1; i <= t && value > Number.EPSILON / 4; i++) value *= mu(i)
    return value
  }
  return makeOptimizer(
    'Nadam',
    { beta1, beta2, epsilon, ...options },
    {
      slots: ['momentum', 'velocity'],
      scalars: (t, rate) => ({
        rate,
        ahead: mu(t + 1) / (1 - product(t + 1)),
        now: (1 - mu(t)) / (1 - product(t)),
        correction: 1 / Math.fround(1 - power(squares, t)),
      }),
      update({ tape, weight, gradient, slots, scalars }) {
        const momentum = towards(tape, slots.momentum, gradient, 1 - mean)
        const velocity = towards(tape, slots.velocity, mul(tape, gradient, gradient), 1 - squares)
        const direction = add(tape, mul(tape, momentum, scalars.ahead), mul(tape, gradient, scalars.now))
        const denominator = add(tape, sqrt(tape, mul(tape, velocity, scalars.correction)), tape.number(epsilon))
        return { weight: sub(tape, weight, div(tape, mul(tape, direction, scalars.rate), denominator)), slots: { momentum, velocity } }
      },
    },
  )
}

/** Lion: the sign of a mean of gradients (Chen and others, 2023). */
export function lion(options: LionOptions = {}): Optimizer {
  refuseUnknown('lion', options, LION)
  const { beta1 = 0.9, beta2 = 0.99 } = options
  checksFor('lion').require(beta1 > 0 && beta1 <= 1, 'beta1', beta1, 'a number above 0, up to 1')
  // w ← w − η·sign(β₁·m + (1 − β₁)·g);  m ← β₂·m + (1 − β₂)·g
  return makeOptimizer(
    'Lion',
    { beta1, beta2, ...options },
    {
      slots: ['momentum'],
      scalars: (_step, rate) => ({ rate }),
      update({ tape, weight, gradient, slots, scalars }) {
        const mixed = add(tape, scale(tape, slots.momentum, beta1), scale(tape, gradient, 1 - beta1))
        const moved = mul(tape, tape.op('Sign', [mixed], {}), scalars.rate)
        const momentum = add(tape, scale(tape, slots.momentum, beta2), scale(tape, gradient, 1 - beta2))
        return { weight: sub(tape, weight, moved), slots: { momentum } }
      },
    },
  )
}

/** old·(1 − by) + target·by: the mean moves towards the target. */
function towards(
  tape: Parameters<typeof add>[0],
  old: Parameters<typeof add>[1],
  target: Parameters<typeof add>[1],
  by: number,
): ReturnType<typeof add> {
  return add(tape, scale(tape, old, 1 - by), scale(tape, target, by))
}

/** βᵗ in float32, as Keras computes it. */
const power = (beta: number, t: number): number => Math.fround(Math.fround(beta) ** t)
