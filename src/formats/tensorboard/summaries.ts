/** @file The values that event files hold, in TensorFlow 2's form: a tensor and the name of the plugin that shows it. */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { DataType, Summary_ValueSchema, TensorProtoSchema, type Summary_Value, type TensorProto } from './generated/event_pb.ts'
import { defaultBuckets, histogramBuckets } from './histogram.ts'

/** A tagged value of a step. */
export type SummaryValue = Summary_Value

/** A picture as a PNG file, and its size in pixels. */
export interface Png {
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** One encoded picture each. */
  readonly files: readonly Uint8Array[]
}

/** One number, kept as float32. */
export function scalarSummary(tag: string, value: number): SummaryValue {
  return summary(tag, 'scalars', tensorProto(DataType.DT_FLOAT, [], Float32Array.of(value)))
}

/** The distribution of many numbers, in 30 buckets. */
export function histogramSummary(tag: string, values: ArrayLike<number>): SummaryValue {
  return summary(tag, 'histograms', tensorProto(DataType.DT_DOUBLE, [defaultBuckets, 3], histogramBuckets(values)))
}

/** Pictures of one size. */
export function imageSummary(tag: string, { width, height, files }: Png): SummaryValue {
  const strings = [encode(String(width)), encode(String(height)), ...files]
  return summary(
    tag,
    'images',
    create(TensorProtoSchema, { dtype: DataType.DT_STRING, tensorShape: shapeOf([strings.length]), stringVal: strings }),
  )
}

/** A Keras model as JSON; the Graphs tab draws its layers. */
export function kerasModelSummary(json: string): SummaryValue {
  const tensor = create(TensorProtoSchema, { dtype: DataType.DT_STRING, tensorShape: shapeOf([]), stringVal: [encode(json)] })
  return summary('keras', 'graph_keras_model', tensor, encode('1'))
}

function summary(tag: string, pluginName: string, tensor: TensorProto, content = new Uint8Array(0)): SummaryValue {
  return create(Summary_ValueSchema, { tag, metadata: { pluginData: { pluginName, content } }, value: { case: 'tensor', value: tensor } })
}

function tensorProto(
  dtype: DataType,
  shape: readonly number[],
  { buffer, byteOffset, byteLength }: Float32Array | Float64Array,
): TensorProto {
  return create(TensorProtoSchema, {
    dtype,
    tensorShape: shapeOf(shape),
    tensorContent: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  })
}

function shapeOf(sizes: readonly number[]): NonNullable<MessageInitShape<typeof TensorProtoSchema>['tensorShape']> {
  return { dim: sizes.map((size) => ({ size: BigInt(size) })) }
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
