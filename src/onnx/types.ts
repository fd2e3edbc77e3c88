/** @file ONNX's numbers for element types and attribute kinds. */
import type { DType, TensorData } from '../tensor/index.ts'

/** TensorProto.DataType */
export const dataTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const satisfies Record<
  DType,
  number
>

/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const

/** What holds the numbers of a type. */
export const arrays = {
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const satisfies { readonly [D in DType]: new (buffer: ArrayBuffer) => TensorData[D] }
