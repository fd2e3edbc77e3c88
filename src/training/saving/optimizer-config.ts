/** @file Optimizers and schedules in Keras's files. */
import { camelCase, isList, snakeCase } from '../../formats/keras/index.ts'
import type { ConfigForm, JsonObject } from '../../formats/keras/index.ts'
import { learningRateOf, type Compiled } from '../compile.ts'
import * as optimizers from '../optimizers/index.ts'
import type { Optimizer } from '../optimizers/index.ts'
import * as schedules from '../schedules/index.ts'
import type { Schedule } from '../schedules/index.ts'
import { kerasNames, NotRestored, readObject, writeObject } from './object-config.ts'

interface Row<T> {
  readonly make: (options: never) => T
  /** Keras's arguments besides the common ones. */
  readonly keys: readonly string[]
}

const adam = ['beta_1', 'beta_2', 'epsilon', 'amsgrad']
const optimizerRows: ReadonlyMap<string, Row<Optimizer>> = new Map([
  ['SGD', { make: optimizers.sgd, keys: ['momentum', 'nesterov'] }],
  ['Adam', { make: optimizers.adam, keys: adam }],
  ['AdamW', { make: optimizers.adamW, keys: adam }],
  ['RMSprop', { make: optimizers.rmsprop, keys: ['rho', 'momentum', 'epsilon', 'centered'] }],
  ['Adagrad', { make: optimizers.adagrad, keys: ['initial_accumulator_value', 'epsilon'] }],
  ['Nadam', { make: optimizers.nadam, keys: ['beta_1', 'beta_2', 'epsilon'] }],
  ['Lion', { make: optimizers.lion, keys: ['beta_1', 'beta_2'] }],
])
const commonKeys = ['weight_decay', 'clipnorm', 'global_clipnorm', 'clipvalue', 'use_ema', 'ema_momentum', 'ema_overwrite_frequency']
/** What Keras assumes where a file is silent, and what its older optimizers also write. */
const silent: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['use_ema', [false]],
  ['ema_momentum', [0.99]],
  ['decay', [0]],
  ['jit_compile', [true, false]],
  ['is_legacy_optimizer', [true, false]],
  ['schedule_decay', [0.004]],
])

const scheduleRows: ReadonlyMap<string, (options: never) => Schedule> = new Map<string, (options: never) => Schedule>([
  ['ExponentialDecay', schedules.exponentialDecay],
  ['InverseTimeDecay', schedules.inverseTimeDecay],
  ['PolynomialDecay', schedules.polynomialDecay],
  ['PiecewiseConstantDecay', schedules.piecewiseConstantDecay],
  ['CosineDecay', schedules.cosineDecay],
  ['CosineDecayRestarts', schedules.cosineDecayRestarts],
])

/** Whether Keras has an optimizer of this name. */
export function isKerasOptimizer({ name }: Optimizer): boolean {
  return optimizerRows.has(name)
}

/** Whether the rate comes from a schedule that Keras has too: then the file holds no rate of its own. */
export function followsSchedule(compiled: Compiled): boolean {
  const { learningRate } = compiled.optimizer
  return typeof learningRate !== 'number' && scheduleRows.has(learningRate.name)
}

/** Keras's object for the optimizer of a compiled model. */
export function writeOptimizer(compiled: Compiled, form: ConfigForm): JsonObject {
  const { optimizer } = compiled
  const { name, config } = optimizer
  const common = { use_ema: false, ema_momentum: 0.99, loss_scale_factor: null, gradient_accumulation_steps: null }
  const own = Object.fromEntries(
    [...commonKeys, ...(optimizerRows.get(name)?.keys ?? [])].map((key) => [key, config[camelCase(key)] ?? null]),
  )
  const set = Object.fromEntries(Object.entries(own).filter(([key, value]) => value !== null || !(key in common)))
  return writeObject('keras.optimizers', name, { name: snakeCase(name), learning_rate: writeRate(compiled), ...common, ...set }, form)
}

/** Keras names the module of a schedule in `.h5` files too, and finds no class without it. */
function writeRate(compiled: Compiled): unknown {
  const { learningRate } = compiled.optimizer
  if (typeof learningRate === 'number' || !followsSchedule(compiled)) return learningRateOf(compiled)
  const config = { ...kerasNames({ ...learningRate.config }), name: learningRate.name }
  return writeObject('keras.optimizers.schedules', learningRate.name, config, 'keras3')
}

/** The optimizer of a file. Throws NotRestored for what we do not have; other errors mean values that it does not take. */
export function readOptimizer(value: unknown): Optimizer {
  const { className: written, config } = readObject(value, 'keras.optimizers')
  // So Keras 2.11 to 2.15 call their own optimizers in .h5 files.
  const className = written.replace(/^Custom>/u, '')
  const row = [...optimizerRows].find(([name]) => name.toLowerCase() === className.toLowerCase())?.[1]
  if (!row) throw new NotRestored(`Rootstock has no optimizer ${className}`)
  const rate = config['learning_rate'] ?? config['lr']
  const options: Record<string, unknown> = rate === undefined ? {} : { learningRate: readRate(rate) }
  for (const [key, found] of Object.entries(config)) {
    if (found === null || key === 'name' || key === 'learning_rate' || key === 'lr') continue
    if (row.keys.includes(key) || commonKeys.includes(key)) options[camelCase(key)] = checkedOption(key, found)
    else if (!silent.get(key)?.includes(found)) throw new NotRestored(`Rootstock's ${className} has no ${key}`)
  }
  return row.make(options as never)
}

function checkedOption(key: string, found: unknown): unknown {
  if (typeof found === 'boolean' || (typeof found === 'number' && Number.isFinite(found))) return found
  throw new NotRestored(`${key} is neither a number nor a flag`)
}

function readRate(value: unknown): number | Schedule {
  if (typeof value === 'number') return value
  const { className, config } = readObject(value, 'keras.optimizers.schedules')
  const make = scheduleRows.get(className)
  if (!make) throw new NotRestored(`Rootstock has no schedule ${className}`)
  const options = Object.entries(config).filter(([key, found]) => key !== 'name' && isPlain(found))
  return make(Object.fromEntries(options.map(([key, found]) => [camelCase(key), found])) as never)
}

function isPlain(value: unknown): boolean {
  return (
    value === null ||
    typeof value === 'boolean' ||
    typeof value === 'number' ||
    (isList(value) && value.every((entry) => typeof entry === 'number'))
  )
}
