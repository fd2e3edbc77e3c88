/** @file The learning rate schedules. */
export type { Schedule } from './schedule.ts'
export { constant, exponentialDecay, inverseTimeDecay, piecewiseConstantDecay, polynomialDecay } from './decay.ts'
export type {
  ConstantConfig,
  DecayConfig,
  DecayOptions,
  PiecewiseConstantDecayConfig,
  PolynomialDecayConfig,
  PolynomialDecayOptions,
} from './decay.ts'
export { cosineDecay, cosineDecayRestarts } from './cosine.ts'
export type { CosineDecayConfig, CosineDecayOptions, CosineDecayRestartsConfig, CosineDecayRestartsOptions } from './cosine.ts'
export { linearWarmup } from './linear-warmup.ts'
export type { LinearWarmupConfig, LinearWarmupOptions } from './linear-warmup.ts'
