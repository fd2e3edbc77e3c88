/** @file Written models, read again with the library that onnx.proto generates. */
import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { createTape, opNames, operators, steps, type Graph, type Value } from '../graph/index.ts'
import { tensor, type Tensor } from '../tensor/index.ts'
import { cases } from '../engine/conformance.cases.ts'
import { ModelProtoSchema, TensorProto_DataLocation, type GraphProto, type ModelProto } from './generated/onnx_pb.ts'
import { writeOnnx, type WriteOptions } from './index.ts'

const photo = { shape: [null, 3, 4, 4], dtype: 'float32' } as const

function read(graph: Graph, options?: WriteOptions): { model: ModelProto; graph: GraphProto } {
  const model = fromBinary(ModelProtoSchema, writeOnnx(graph, options).bytes)
  if (!model.graph) throw new Error('no graph')
  return { model, graph: model.graph }
}

/** A convolution with weight w, and max pooling of which only the values are used. */
function small(): { graph: Graph; w: Value; data: Tensor<'float32'> } {
  const tape = createTape()
  const x = tape.input('photo', photo)
  const data = tensor(
    Float32Array.from({ length: 12 }, (_, i) => i / 8),
    [2, 3, 1, 2],
  )
  const w = tape.parameter('w', { shape: data.shape, dtype: 'float32' }, () => data)
  const conv = tape.op('Conv', [x, w], { strides: [1, 2], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }, 'conv')
  const pool = tape.op('MaxPool', [conv], { kernel_shape: [2, 2], strides: [2, 1], pads: [0, 0, 0, 0] }, 'pool')
  return { graph: tape.graph([pool]), w, data }
}

describe('writeOnnx', () => {
  it('states versions, producer and metadata', () => {
    const { model } = read(small().graph, { producerVersion: '1.2.3', metadata: { classes: '["cat","dog"]' } })
    expect([model.irVersion, model.producerName, model.producerVersion]).toEqual([8n, 'rootstock', '1.2.3'])
    // A domain is only named where an operator of it is used: other runtimes refuse what they do not know.
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 18n]])
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([['classes', '["cat","dog"]']])
  })

  it('writes nodes with their attributes, and the kernel size of convolutions', () => {
    const { graph } = read(small().graph)
    const [conv, pool] = graph.node
    expect([conv?.opType, conv?.name, conv?.input, conv?.output]).toEqual(['Conv', 'conv', ['photo', 'w'], ['conv:0']])
    expect(Object.fromEntries(conv!.attribute.map(({ name, i, ints }) => [name, ints.length > 0 ? ints : i]))).toEqual({
      strides: [1n, 2n],
      pads: [0n, 0n, 0n, 0n],
      dilations: [1n, 1n],
      group: 1n,
      kernel_shape: [1n, 2n],
    })
    expect([pool?.opType, pool?.input, pool?.output]).toEqual(['MaxPool', ['conv:0'], ['pool:0']])
  })

  it('calls an unknown size N', () => {
    const { graph } = read(small().graph)
    const type = graph.input[0]?.type?.value
    if (type?.case !== 'tensorType') throw new Error('no tensor')
    expect(type.value.elemType).toBe(1)
    expect(type.value.shape?.dim.map(({ value }) => value.value)).toEqual(['N', 3n, 4n, 4n])
  })

  it('leaves out the places of maxima unless somebody reads them', () => {
    const tape = createTape()
    const pool = tape.ops('MaxPool', [tape.input('photo', photo)], { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }, 'pool')
    expect(read(tape.graph([pool[0]!])).graph.node[0]?.output).toEqual(['pool:0'])
    expect(read(tape.graph([pool[0]!, pool[1]!])).graph.node[0]?.output).toEqual(['pool:0', 'pool:1'])
    expect(read(tape.graph([tape.op('Cast', [pool[1]!], { to: 'float32' })])).graph.node[0]?.output).toEqual(['pool:0', 'pool:1'])
  })

  it('keeps the statistics of batch normalization in training mode, which are not optional', () => {
    const tape = createTape()
    const three = tape.number(1, [3])
    const bn = tape.op(
      'BatchNormalization',
      [tape.input('photo', photo), three, three, three, three],
      { epsilon: 1e-3, momentum: 0.5, training_mode: 1 },
      'bn',
    )
    expect(read(tape.graph([bn])).graph.node[0]?.output).toEqual(['bn:0', 'bn:1', 'bn:2'])
  })

  it('writes inputs that are left out as empty names, and none at the end', () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2], dtype: 'float32' })
    const six = tape.constant(tensor([6], []), 'six')
    const outputs = [tape.op('Clip', [x, null, six], {}), tape.op('Clip', [x, six, null], {}), tape.op('Clip', [x, null, null], {})]
    expect(read(tape.graph(outputs)).graph.node.map(({ input }) => input)).toEqual([['x', '', 'six'], ['x', 'six'], ['x']])
  })

  it('writes parameters as constants, or as inputs after those of the graph', () => {
    const { graph, w, data } = small()
    const closed = read(graph).graph
    expect(closed.input.map(({ name }) => name)).toEqual(['photo'])
    expect(closed.initializer.map(({ name, dims, dataType }) => [name, dims, dataType])).toEqual([['w', [2n, 3n, 1n, 2n], 1]])
    expect(new Float32Array(Uint8Array.from(closed.initializer[0]!.rawData).buffer)).toEqual(data.data)
    const open = read(graph, { asInputs: new Set([w]) }).graph
    expect(open.input.map(({ name }) => name)).toEqual(['photo', 'w'])
    expect(open.initializer).toEqual([])
  })

  it('keeps large tensors outside the message, over the same memory', () => {
    const { graph, data } = small()
    const { bytes, external } = writeOnnx(graph, { externalFrom: 48 })
    const [written] = fromBinary(ModelProtoSchema, bytes).graph!.initializer
    expect(written?.rawData.length).toBe(0)
    expect(written?.dataLocation).toBe(TensorProto_DataLocation.EXTERNAL)
    expect(Object.fromEntries(written!.externalData.map(({ key, value }) => [key, value]))).toEqual({
      location: 'tensor-0',
      offset: '0',
      length: '48',
    })
    expect(external.map(({ path, data: { byteLength } }) => [path, byteLength])).toEqual([['tensor-0', 48]])
    expect(external[0]?.data.buffer).toBe(data.data.buffer)
    expect(writeOnnx(graph, { externalFrom: 49 }).external).toEqual([])
  })

  it('writes a part of a larger array as that part', () => {
    const tape = createTape()
    const part = Float32Array.of(0, 1, 2, 3).subarray(1, 3)
    const y = steps.mul(tape, tape.input('x', { shape: [2], dtype: 'float32' }), tape.constant(tensor(part), 'part'))
    const [written] = read(tape.graph([y])).graph.initializer
    expect(new Float32Array(Uint8Array.from(written!.rawData).buffer)).toEqual(Float32Array.of(1, 2))
  })

  it('names an output once, however often it is asked for', () => {
    const tape = createTape()
    const y = steps.neg(tape, tape.input('x', { shape: [2], dtype: 'float32' }))
    expect(read(tape.graph([y, y])).graph.output.map(({ name }) => name)).toEqual(['Neg:0'])
  })

  it.each(opNames)('writes all attributes of %s in their kinds', (op) => {
    const [row] = cases[op]
    const tape = createTape()
    const inputs = row!.inputs.map((data, i) =>
      !data
        ? null
        : i >= (row!.constantFrom ?? Infinity)
          ? tape.constant(data)
          : tape.input(`x${i}`, { shape: data.shape, dtype: data.dtype }),
    )
    const { graph } = read(tape.graph([tape.op(op, inputs, row!.attributes)]))
    const node = graph.node[0]!
    const isBlocked = op.startsWith('Blocked') || op.startsWith('Reorder')
    expect(node.domain).toBe(isBlocked ? 'com.microsoft.nchwc' : op === 'FusedMatMul' ? 'com.microsoft' : '')
    expect(node.opType).toBe(op.replace(/^Blocked/, ''))
    const kinds = { int: 2, dtype: 2, float: 1, string: 3, ints: 7, floats: 6 } as const
    // Optional attributes are left out.
    const expected = Object.entries(operators[op].attributes as Record<string, keyof typeof kinds>)
      .filter(([name]) => name in row!.attributes)
      .map(([name, kind]) => [name, kinds[kind]])
    expect(node.attribute.map(({ name, type }) => [name, type])).toEqual(expect.arrayContaining(expected))
    expect(
      node.attribute.map(({ name }) => name).filter((name) => name !== 'kernel_shape' || expected.some(([own]) => own === name)),
    ).toHaveLength(expected.length)
  })
})
