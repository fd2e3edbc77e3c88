/** @file Numbers of an ONNX file as tensors: raw little-endian bytes, as many as the shape says, all of them finite. */
import { sizeOf, type DType, type Tensor, type TensorData } from '../tensor/index.ts'
import type { TensorProto } from './generated/onnx_pb.ts'
import { arrays, dataTypes } from './types.ts'
import { Unfit } from './unfit.ts'

/** The element type of ONNX's number for it. */
export function dtypeOf(dataType: number): DType {
  const found = (Object.keys(dataTypes) as DType[]).find((dtype) => dataTypes[dtype] === dataType)
  if (!found) throw new Unfit(`it holds numbers of type ${dataType}`)
  return found
}

/** A copy of the numbers. */
export function readTensor(proto: TensorProto): Tensor {
  const dtype = dtypeOf(proto.dataType ?? 0)
  const shape = proto.dims.map(Number)
  const make = arrays[dtype]
  const bytes = sizeOf(shape) * make.BYTES_PER_ELEMENT
  const isRaw = proto.rawData?.length === bytes && !hasOtherNumbers(proto)
  if (!isRaw || shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw new Unfit(`"${proto.name}" has ${proto.rawData?.length ?? 0} bytes for shape [${shape.join(',')}] of ${dtype}`)
  }
  const data = new make(new Uint8Array(proto.rawData ?? []).buffer)
  if (!isFinite(data, dtype)) throw new Unfit(`"${proto.name}" holds numbers that are not finite`)
  return { data, shape, dtype }
}

function hasOtherNumbers({ floatData, int32Data, int64Data, doubleData, uint64Data, stringData }: TensorProto): boolean {
  return [floatData, int32Data, int64Data, doubleData, uint64Data, stringData].some((list) => list.length > 0)
}

function isFinite(data: TensorData[DType], dtype: DType): boolean {
  if (dtype === 'float32') return (data as Float32Array).every((value) => Number.isFinite(value))
  if (dtype === 'float16') return (data as Uint16Array).every((bits) => (bits & 0x7c00) !== 0x7c00)
  return true
}
