/** @file What `compile` fixed, in Keras's files: optimizer, loss and metrics. */
import { RootstockError, messageOf } from '../../errors.ts'
import { camelCase, isList, isObject, objectAt, snakeCase, textAt } from '../../formats/keras/index.ts'
import type { ConfigForm, JsonObject } from '../../formats/keras/index.ts'
import type { Compiled, CompileOptions } from '../compile.ts'
import * as losses from '../losses/index.ts'
import type { Loss } from '../losses/index.ts'
import * as metrics from '../metrics/index.ts'
import type { Metric } from '../metrics/index.ts'
import { kerasNames, NotRestored, readObject, writeObject } from './object-config.ts'
import { isKerasOptimizer, readOptimizer, writeOptimizer } from './optimizer-config.ts'

/** Keras's record of a compilation; undefined where the optimizer or the loss is the user's own, which no file can hold. */
export function writeCompileConfig(compiled: Compiled, form: ConfigForm): JsonObject | undefined {
  const { loss, optimizer, stepsPerExecution: steps } = compiled
  if (!isKerasOptimizer(optimizer) || !loss.config) return undefined
  const written = compiled.metrics.flatMap((metric) => writeMetric(metric, form))
  const rest = {
    loss: writeLoss(loss, loss.config, form),
    loss_weights: null,
    metrics: written.length === 0 ? null : written,
    weighted_metrics: null,
    run_eagerly: false,
    steps_per_execution: steps === 'auto' ? 1 : steps,
    jit_compile: false,
  }
  const own = writeOptimizer(compiled, form)
  return form === 'h5' ? { ...rest, optimizer_config: own } : { optimizer: own, ...rest }
}

/** What to compile with. Throws NotRestored for what we do not have. */
export function readCompileConfig(config: JsonObject): CompileOptions {
  const steps = config['steps_per_execution']
  refuseUnheeded(config)
  try {
    return {
      ...(typeof steps === 'number' && Number.isInteger(steps) && steps > 1 ? { stepsPerExecution: steps } : {}),
      optimizer: readOptimizer(config['optimizer'] ?? config['optimizer_config']),
      loss: readLoss(config['loss']),
      metrics: differentNames(entries(config['metrics']).map(readMetric)),
    }
  } catch (error) {
    throw error instanceof RootstockError ? new NotRestored(messageOf(error), { cause: error }) : error
  }
}

/** What would change the loss or leave figures out without a word. */
function refuseUnheeded(config: JsonObject): void {
  const weights = entries(config['loss_weights'])
  if (weights.some((weight) => weight !== 1))
    throw new NotRestored(`its loss counts ${JSON.stringify(weights)} times, which Rootstock has not`)
  if (entries(config['weighted_metrics']).length > 0) throw new NotRestored('it has weighted_metrics, which Rootstock has not')
}

/** Keras counts names up where one comes twice. */
function differentNames(found: Metric[]): Metric[] {
  const twice = found.find(({ name }, i) => found.findIndex((other) => other.name === name) < i)
  if (twice) throw new NotRestored(`it has the metric ${JSON.stringify(twice.name)} twice`)
  return found
}

const lossClasses: ReadonlyMap<string, (options: never) => Loss> = new Map<string, (options: never) => Loss>([
  ['CategoricalCrossentropy', losses.categoricalCrossentropy],
  ['SparseCategoricalCrossentropy', losses.sparseCategoricalCrossentropy],
  ['BinaryCrossentropy', losses.binaryCrossentropy],
  ['CategoricalFocalCrossentropy', losses.categoricalFocalCrossentropy],
  ['MeanSquaredError', losses.meanSquaredError],
])

/** A loss with Keras's defaults goes by its name. */
function writeLoss(loss: Loss, config: NonNullable<Loss['config']>, form: ConfigForm): unknown {
  if (JSON.stringify(losses.resolveLoss(loss.name).config) === JSON.stringify(config)) return loss.name
  const className = [...lossClasses.keys()].find((name) => snakeCase(name) === loss.name) ?? loss.name
  return writeObject('keras.losses', className, { name: loss.name, reduction: 'sum_over_batch_size', ...kerasNames(config) }, form)
}

function readLoss(value: unknown): Loss {
  const [only, ...others] = entries(value)
  if (only === undefined || others.length > 0) throw new NotRestored('it has not one loss')
  const { className, config } = readObject(only, 'keras.losses')
  const make = lossClasses.get(className)
  if (!make) return losses.resolveLoss(className)
  const { reduction = 'auto', axis = -1, ...rest } = config
  if (reduction !== 'auto' && reduction !== 'sum_over_batch_size')
    throw new NotRestored(`the loss is summed up as ${JSON.stringify(reduction)}`)
  if (axis !== -1) throw new NotRestored(`its loss is taken along axis ${JSON.stringify(axis)}, expected -1`)
  const options = Object.fromEntries(Object.entries(rest).filter(([key]) => key !== 'name' && key !== 'fn' && key !== 'dtype'))
  return make(plainOptions(className, options, new Set(['fromLogits', 'labelSmoothing', 'alpha', 'gamma'])) as never)
}

const metricClasses: ReadonlyMap<string, (options: never) => Metric> = new Map<string, (options: never) => Metric>([
  ['CategoricalAccuracy', metrics.categoricalAccuracy],
  ['SparseCategoricalAccuracy', metrics.sparseCategoricalAccuracy],
  ['BinaryAccuracy', metrics.binaryAccuracy],
  ['TopKCategoricalAccuracy', metrics.topKCategoricalAccuracy],
  ['SparseTopKCategoricalAccuracy', metrics.sparseTopKCategoricalAccuracy],
  ['Precision', metrics.precision],
  ['Recall', metrics.recall],
  ['F1Score', metrics.f1Score],
  ['AUC', metrics.auc],
])
const metricOptions = new Set([
  'name',
  'threshold',
  'thresholds',
  'k',
  'topK',
  'classId',
  'average',
  'numThresholds',
  'curve',
  'summationMethod',
])
/** What we compute in one way only. */
const fixedOptions: Readonly<Record<string, unknown>> = { multi_label: false, from_logits: false, dtype: 'float32' }

function writeMetric({ name, keras }: Metric, form: ConfigForm): unknown[] {
  if (!keras) return name === 'accuracy' ? [name] : []
  return [writeObject('keras.metrics', keras.className, { name, dtype: 'float32', ...kerasNames(keras.config) }, form)]
}

function readMetric(value: unknown): Metric {
  const { className, config } = readObject(value, 'keras.metrics')
  // Keras 2 wraps the function of a mean under its own name.
  if (className === 'MeanMetricWrapper') {
    const metric = metrics.resolveMetric(textAt(config, 'fn') ?? '')
    return { ...metric, name: textAt(config, 'name') ?? metric.name }
  }
  const make = metricClasses.get(className)
  if (!make) return metrics.resolveMetric(className)
  const rest = Object.entries(config).filter(([key, found]) => !Object.hasOwn(fixedOptions, key) || fixedOptions[key] !== found)
  return make(plainOptions(className, Object.fromEntries(rest), metricOptions) as never)
}

/** The options of ours among Keras's. Throws NotRestored for others that are set. */
function plainOptions(className: string, config: JsonObject, known: ReadonlySet<string>): Record<string, unknown> {
  const set = Object.entries(config).filter(([, value]) => value !== null && !isObject(value))
  const other = set.find(([key]) => !known.has(camelCase(key)))
  if (other) throw new NotRestored(`Rootstock's ${className} has no ${other[0]}`)
  return Object.fromEntries(set.map(([key, value]) => [camelCase(key), isList(value) && value.length === 1 ? value[0] : value]))
}

/** The entries of a list, however deep, or of an object by the names of the outputs. */
function entries(value: unknown): unknown[] {
  if (value == null) return []
  if (isList(value)) return value.flatMap(entries)
  if (isObject(value) && textAt(value, 'class_name') === undefined) return Object.values(value).flatMap(entries)
  return [value]
}

/** The record of a compilation in the training configuration of an `.h5` file or the configuration of an archive. */
export function compileConfigOf(config: unknown): JsonObject | undefined {
  const found = objectAt(config, 'compile_config') ?? (isObject(config) && 'optimizer_config' in config ? config : undefined)
  return found && (found['optimizer'] ?? found['optimizer_config']) != null ? found : undefined
}
