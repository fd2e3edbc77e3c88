/** @file ONNX's numbers for element types and attribute kinds. */
import type { DType } from '../tensor/index.ts'

/** TensorProto.DataType */
export const dataTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const satisfies Record<
  DType,
  number
>

/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const
