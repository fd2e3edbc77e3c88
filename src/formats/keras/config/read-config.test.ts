/** @file Configurations that Rootstock cannot compute: each is refused with what stands in it and what to do. */
import { beforeEach, expect, test } from 'vitest'
import { clearSession } from '../../../layers/index.ts'
import { readModelConfig } from './read-config.ts'

beforeEach(() => clearSession())

const input = { class_name: 'InputLayer', name: 'in', config: { batch_shape: [null, 4], name: 'in' }, inbound_nodes: [] }
const tensor = (layer: string, output: unknown = 0): object => ({
  class_name: '__keras_tensor__',
  config: { keras_history: [layer, 0, output] },
})
const functional = (layers: readonly object[], ends: object = { input_layers: ['in', 0, 0], output_layers: ['in', 0, 0] }): object => ({
  class_name: 'Functional',
  config: { name: 'net', layers: [input, ...layers], ...ends },
})
const called = (className: string, args: readonly unknown[], more: object = {}): object => ({
  class_name: className,
  name: 'op',
  config: { name: 'op' },
  inbound_nodes: [{ args, kwargs: {} }],
  ...more,
})
const legacy = (className: string, node: readonly unknown[]): object => ({ ...called(className, []), inbound_nodes: [node] })

const outputs = (value: unknown): object => functional([], { input_layers: ['in', 0, 0], output_layers: value })

test.each(['uint8', 'float64', 'bool'])('%s that comes in is taken as float32, and the user is told', (type) => {
  const ends = { input_layers: ['in', 0, 0], output_layers: ['in', 0, 0] }
  const read = (dtype: string): readonly string[] => {
    const entry = { ...input, config: { ...input.config, dtype } }
    return readModelConfig({ class_name: 'Functional', config: { name: 'net', layers: [entry], ...ends } }, 'net.keras').notes
  }
  expect(read(type)).toEqual([`${type} of the input "in", which takes float32 here`])
  expect(read('float32')).toEqual([])
  expect(() => read('string')).toThrow('"in" computes in "string", expected float32')
})

test.each([
  [
    [1 / 255, 0.5, 2],
    [-1, 0, 1],
  ],
  [0.5, { class_name: '__numpy__', config: { value: [-1, 0, 1], dtype: 'float32' } }],
])('Rescaling by %j and %j', (scale, offset) => {
  const layer = { ...called('Rescaling', [tensor('in')]), config: { name: 'op', scale, offset } }
  const rgb = { ...input, config: { ...input.config, batch_shape: [null, 3] } }
  const ends = { input_layers: ['in', 0, 0], output_layers: ['op', 0, 0] }
  const config = { class_name: 'Functional', config: { name: 'net', layers: [rgb, layer], ...ends } }
  const { outputs } = readModelConfig(config, 'net.keras').options
  expect([outputs].flat()[0]?.call.layer.config).toEqual({ scale, offset: [-1, 0, 1] })
})

test.each([
  ['outputs with names', outputs({ p: ['in', 0, 0], q: ['in', 0, 0] }), /outputs have names \(\["p","q"\]\)/u, /lists/u],
  ['outputs in lists of lists', outputs([[['in', 0, 0]]]), /are lists in lists/u, /lists/u],
  ['a second output', outputs([['in', 0, 1]]), /a second output of "in"/u, /in code/u],
  ['a call on a second output', functional([called('Flatten', [tensor('in', 1)])]), /a second output of "in"/u, /in code/u],
  [
    'an output that is no number',
    functional([called('Flatten', [tensor('in', Object.create(null))])]),
    /expected tensors of/u,
    /get the file again/u,
  ],
  [
    'a quantized layer',
    functional([called('Dense', [tensor('in')], { config: { name: 'op', trainable: true, dtype: { config: { mode: 'int8', source_name: 'float32' } } } })]), // prettier-ignore
    /"op" computes in "int8", expected float32/u,
    /Build/u,
  ],
  ['the same in Keras 2', functional([legacy('Concatenate', [['in', 1, 0, {}], ['in', 1, 1, {}]])]), /a second output of "in"/u, /in code/u], // prettier-ignore
  [
    'x * 2 in .h5',
    functional([called('Multiply', [tensor('in'), 2])]),
    /called on a tensor and 2, as Python's operators are/u,
    /Rescaling/u,
  ],
  ['x + y in .h5', functional([called('Add', [tensor('in'), tensor('in')])]), /a tensor and another one, not on a list/u, /Add/u],
  ['x + y in .keras', functional([called('Add', [], { module: 'keras.src.ops.numpy' })]), /"op" is Add, an operator/u, /Add/u],
  ['x / 2 in .h5', functional([called('TrueDivide', [tensor('in'), 2])]), /"op" is TrueDivide, an operator/u, /Rescaling/u],
  [
    'ops.reshape(x, shape) in .h5',
    functional([called('Reshape', [tensor('in')], { config: { name: 'op', newshape: [-1, 2] } })]),
    /"op" is Reshape, an operator/u,
    /layers/u,
  ],
  [
    'activations.relu(x) in .keras',
    functional([called('ReLU', [tensor('in')], { module: 'keras.src.activations.activations' })]),
    /"op" is ReLU, an operator/u,
    /Activation/u,
  ],
  ['a layer of no class that is known', functional([called('Mine', [tensor('in')], { config: { name: 'op', trainable: true } })]), /"op" is of the class "Mine"/u, /reads/u], // prettier-ignore
  ['x / 2 of Keras 2', functional([legacy('TFOpLambda', [['in', 0, 0, {}]])]), /"op" is an operator or a function/u, /Rescaling/u],
])('%s', (_, config, message, hint) => {
  expect(() => readModelConfig(config, 'net.keras')).toThrow(
    expect.objectContaining({
      code: 'FORMAT',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    }),
  )
})
