/** @file The layer classes that model files may hold: one row each, with Keras's full list of arguments. */
import * as layers from '../../../layers/index.ts'
import type { Layer, LayerOptions } from '../../../layers/index.ts'
import {
  activation,
  borders,
  flag,
  idle,
  initializer,
  lastAxis,
  number,
  numbers,
  only,
  padding,
  pair,
  same,
  sizes,
  trainingOnly,
  whole,
  writeInitializer,
} from './fields.ts'
import type { Field } from './fields.ts'

/** A class of layers in a file. */
export interface LayerRow {
  /** In Keras's order. */
  readonly fields: readonly Field[]
  /** Makes the layer; the fields have checked the types of the options. */
  readonly make: (options: LayerOptions & Readonly<Record<string, unknown>>) => Layer
  /** The argument that must name the last axis of the input. */
  readonly lastAxis?: string
  /** Keras wants to know the input's shape before the first call (it makes weights). */
  readonly isBuilt?: boolean
}

function row<O extends LayerOptions>(make: (options: O) => Layer, fields: readonly Field[], more: Partial<LayerRow> = {}): LayerRow {
  return { fields, make: make as unknown as LayerRow['make'], ...more }
}

const channelsLast = only('data_format', 'channels_last', [null])
const unit = only('groups', 1)
const maxValue = same('max_value', 'a number or null', (value) => value === null || typeof value === 'number')

const convolution: readonly Field[] = [
  pair('kernel_size'),
  pair('strides'),
  padding,
  channelsLast,
  pair('dilation_rate'),
  unit,
  activation,
  flag('use_bias'),
]
// Keras 3 has no groups here; Keras 2 writes its 1.
const depthwise = convolution.map((field) => (field === unit ? recent(unit) : field))
// Dilation is not among the options of separable convolutions.
const separable: readonly Field[] = depthwise.map((field) => (field.keras === 'dilation_rate' ? onlyOnes('dilation_rate') : field))
const pool: readonly Field[] = [pair('pool_size'), padding, pair('strides'), channelsLast]
const global: readonly Field[] = [channelsLast, flag('keepdims')]

/** Class name → row. Everything else is refused by its name. */
export const layerRows: ReadonlyMap<string, LayerRow> = new Map<string, LayerRow>([
  [
    'Dense',
    row(
      layers.dense,
      [
        whole('units'),
        activation,
        flag('use_bias'),
        initializer('kernel_initializer'),
        initializer('bias_initializer'),
        ...penalties('kernel', 'bias'),
      ],
      { isBuilt: true },
    ),
  ],
  ['Activation', row(layers.activation, [activation])],
  ['ReLU', row(layers.reLU, [maxValue, only('negative_slope', 0, [null]), only('threshold', 0, [null])])],
  ['Softmax', row(layers.softmax, [lastAxis('axis')], { lastAxis: 'axis' })],
  ['Dropout', row(layers.dropout, [number('rate'), idle('seed', null), only('noise_shape', null)])],
  [
    'Conv2D',
    row(
      layers.conv2d,
      [
        whole('filters'),
        ...convolution,
        initializer('kernel_initializer'),
        initializer('bias_initializer'),
        ...penalties('kernel', 'bias', 'activity'),
      ],
      { isBuilt: true },
    ),
  ],
  [
    'DepthwiseConv2D',
    row(
      layers.depthwiseConv2d,
      [
        whole('depth_multiplier'),
        ...depthwise,
        initializer('depthwise_initializer'),
        initializer('bias_initializer'),
        ...penalties('depthwise', 'bias', 'activity'),
      ],
      { isBuilt: true },
    ),
  ],
  [
    'SeparableConv2D',
    row(
      layers.separableConv2d,
      [
        whole('depth_multiplier'),
        whole('filters'),
        ...separable,
        initializer('depthwise_initializer'),
        initializer('pointwise_initializer'),
        initializer('bias_initializer'),
        ...penalties('depthwise', 'pointwise', 'bias', 'activity'),
      ],
      { isBuilt: true },
    ),
  ],
  ['MaxPooling2D', row(layers.maxPooling2d, pool)],
  ['AveragePooling2D', row(layers.averagePooling2d, pool)],
  ['GlobalAveragePooling2D', row(layers.globalAveragePooling2d, global)],
  ['GlobalMaxPooling2D', row(layers.globalMaxPooling2d, global)],
  [
    'BatchNormalization',
    row(
      layers.batchNormalization,
      [
        lastAxis('axis'),
        number('momentum'),
        number('epsilon'),
        flag('center'),
        flag('scale'),
        ...beginnings(),
        ...penalties('beta', 'gamma'),
        recent(idle('synchronized', false)),
        recent(only('renorm', false)),
      ],
      { isBuilt: true, lastAxis: 'axis' },
    ),
  ],
  ['Rescaling', row(layers.rescaling, [numbers('scale'), numbers('offset')])],
  ['Add', row(layers.add, [], { isBuilt: true })],
  ['Multiply', row(layers.multiply, [], { isBuilt: true })],
  ['Concatenate', row(layers.concatenate, [whole('axis')], { isBuilt: true })],
  ['ZeroPadding2D', row(layers.zeroPadding2d, [borders('padding'), channelsLast])],
  ['Flatten', row(layers.flatten, [channelsLast])],
  ['Reshape', row(layers.reshape, [sizes('target_shape')])],
])

/** An argument that not every Keras 3 knows: read, but not written, so that all of them open our files. */
function recent(field: Field): Field {
  return { keras: field.keras, read: (value) => field.read(value) }
}

function onlyOnes(keras: string): Field {
  const isOnes = (value: unknown): boolean => JSON.stringify(value) === '[1,1]' || value === 1
  const field = only(keras, [1, 1])
  return { ...field, read: (value) => (isOnes(value) ? { options: {} } : field.read(value)) }
}

/** Regularizers of these weights, then their constraints; an activity has no constraint. */
function penalties(...weights: readonly string[]): Field[] {
  const bounded = weights.filter((weight) => weight !== 'activity')
  return [
    ...weights.map((weight) => trainingOnly(`${weight}_regularizer`)),
    ...bounded.map((weight) => trainingOnly(`${weight}_constraint`)),
  ]
}

/** The initializers of batch normalization, which are fixed here. */
function beginnings(): Field[] {
  const rows = {
    beta_initializer: 'zeros',
    gamma_initializer: 'ones',
    moving_mean_initializer: 'zeros',
    moving_variance_initializer: 'ones',
  }
  return Object.entries(rows).map(([keras, name]) => idle(keras, writeInitializer(name)))
}
