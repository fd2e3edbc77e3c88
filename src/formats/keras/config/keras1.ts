/** @file Gives the configurations of Keras 1 (2015 to 2017) today's names, so that one reader is enough. */
import { isList, isObject, objectAt, textAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'

const classes = byName({
  Convolution2D: 'Conv2D',
  AtrousConvolution2D: 'Conv2D',
  SeparableConvolution2D: 'SeparableConv2D',
  Model: 'Functional',
})
/** Those that Rootstock lacks are here so that a refusal calls them by the name that they have today. */
const merges = byName({ sum: 'Add', mul: 'Multiply', concat: 'Concatenate', ave: 'Average', max: 'Maximum', dot: 'Dot', cos: 'Dot' })
const names = byName({
  nb_filter: 'filters',
  output_dim: 'units',
  border_mode: 'padding',
  subsample: 'strides',
  atrous_rate: 'dilation_rate',
  bias: 'use_bias',
  init: 'kernel_initializer',
  W_regularizer: 'kernel_regularizer',
  b_regularizer: 'bias_regularizer',
  W_constraint: 'kernel_constraint',
  b_constraint: 'bias_constraint',
  p: 'rate',
  concat_axis: 'axis',
  dim_ordering: 'data_format',
})
/** Arguments that say nothing more. */
const dropped = new Set([
  'nb_row',
  'nb_col',
  'input_dim',
  'input_shape',
  'mode',
  'dot_axes',
  'output_shape',
  'output_shape_type',
  'output_mask',
  'output_mask_type',
  'mode_type',
  'concat_axis',
  'arguments',
])

/** A model's entry with its layers under `config.layers`, as since Keras 2.2. */
export function modernModel(config: unknown): JsonObject {
  const model = isObject(config) ? config : {}
  const className = textAt(model, 'class_name')
  const body = model['config']
  const renamed = { ...model, class_name: className === undefined ? undefined : (classes.get(className) ?? className) }
  return isList(body) ? { ...renamed, config: { layers: body } } : renamed
}

/** A layer's entry with today's class and arguments; entries of Keras 2 and 3 come back as they are. */
export function modernLayer(entry: JsonObject): JsonObject {
  const className = textAt(entry, 'class_name') ?? ''
  const config = objectAt(entry, 'config') ?? {}
  if (className === 'ZeroPadding2D') return { ...entry, config: { ...config, padding: borders(config['padding']) } }
  const merged = className === 'Merge' ? mergeClass(config) : undefined
  const isOld =
    classes.has(className) ||
    merged !== undefined ||
    (className === 'BatchNormalization' && 'mode' in config) ||
    Object.keys(config).some((key) => names.has(key))
  if (!isOld) return entry
  const pairs = Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
    const isKept =
      !dropped.has(key) || (key === 'concat_axis' && merged === 'Concatenate') || (key === 'mode' && value !== 0 && merged === undefined)
    return isKept ? [[names.get(key) ?? key, key === 'dim_ordering' ? dataFormat(value) : value]] : []
  })
  const kernel = 'nb_row' in config ? [['kernel_size', [config['nb_row'], config['nb_col']]] as const] : []
  return { ...entry, class_name: merged ?? classes.get(className) ?? className, config: Object.fromEntries([...pairs, ...kernel]) }
}

/** Today's class of a Merge; one whose mode is a function of the user's has none. */
function mergeClass(config: JsonObject): string | undefined {
  return (textAt(config, 'mode_type') ?? 'raw') === 'raw' ? merges.get(textAt(config, 'mode') ?? '') : undefined
}

const sides = [
  ['top_pad', 'bottom_pad'],
  ['left_pad', 'right_pad'],
] as const

/** [rows, columns], [top, bottom, left, right] and sides by name as [[top, bottom], [left, right]]. */
function borders(value: unknown): unknown {
  if (isObject(value)) {
    const isKnown = Object.keys(value).every((key) => sides.flat().some((side) => side === key))
    return isKnown ? sides.map((pair) => pair.map((side) => value[side] ?? 0)) : value
  }
  if (!isList(value) || value.some(isList)) return value
  return value.length === 2 ? value.map((size) => [size, size]) : value.length === 4 ? [value.slice(0, 2), value.slice(2)] : value
}

function dataFormat(value: unknown): unknown {
  return value === 'tf' || value === 'default' ? 'channels_last' : value === 'th' ? 'channels_first' : value
}

function byName(rows: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(rows))
}
