/** @file The table of all operators. It does not compile when an operator, an attribute or a gradient rule is missing. */
import * as activation from './activation.ts'
import * as blocked from './blocked.ts'
import * as convolution from './convolution.ts'
import * as elementwise from './elementwise.ts'
import * as movement from './movement.ts'
import * as normalization from './normalization.ts'
import * as pooling from './pooling.ts'
import * as product from './product.ts'
import * as quantization from './quantization.ts'
import * as reduction from './reduction.ts'
import type { Operator } from './operator.ts'
import type { OpName } from './signatures.ts'

const { Conv, ConvTranspose } = convolution
const { MatMul, Gemm, FusedMatMul } = product
const { BatchNormalization } = normalization

/** All operators by name. */
export const operators: { readonly [K in OpName]: Operator<K> } = {
  Conv,
  ConvTranspose,
  ...blocked,
  MatMul,
  Gemm,
  FusedMatMul,
  BatchNormalization,
  ...pooling,
  ...activation,
  ...elementwise,
  ...quantization,
  ...reduction,
  ...movement,
}

/** All operator names. */
export const opNames = Object.keys(operators) as readonly OpName[]
