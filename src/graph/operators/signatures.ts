/**
 * @file Every operator's input names and attributes, spelled as in ONNX (opset 18).
 *
 * A row here obliges the table in table.ts to hold a shape rule and, for each input name, a gradient rule: leaving one
 * out does not compile.
 */

/** Inputs `I` by name (the last one repeats when the operator is variadic) and attributes `A`. */
export interface Signature<I extends string = string, A = unknown> {
  readonly input: I
  readonly attributes: A
}

// eslint knows no better spelling of "no attributes" than an empty record.
type None = Record<never, never>

export interface ConvAttributes {
  readonly strides: readonly number[]
  /** Top, left, bottom, right. */
  readonly pads: readonly number[]
  readonly dilations: readonly number[]
  readonly group: number
}
export interface ConvTransposeAttributes extends ConvAttributes {
  readonly output_padding: readonly number[]
}
/** What an operator applies to its own result; a Clip's bounds are its parameters. */
export interface ActivationAttributes {
  readonly activation?: 'Relu' | 'Clip'
  readonly activation_params?: readonly number[]
}
export interface PoolAttributes {
  readonly kernel_shape: readonly number[]
  readonly strides: readonly number[]
  readonly pads: readonly number[]
}
export interface AxisAttributes {
  readonly axis: number
}
export interface KeepAttributes {
  readonly keepdims: 0 | 1
}

type Binary = Signature<'A' | 'B', None>
type Unary = Signature<'X', None>
type Reduce = Signature<'data' | 'axes', KeepAttributes>

export interface Signatures {
  // convolution.ts
  Conv: Signature<'X' | 'W' | 'B', ConvAttributes>
  ConvTranspose: Signature<'X' | 'W', ConvTransposeAttributes>
  // blocked.ts
  BlockedConv: Signature<'X' | 'W' | 'B' | 'Sum', ConvAttributes & ActivationAttributes>
  BlockedAveragePool: Signature<'X', PoolAttributes & { readonly count_include_pad: 0 | 1 }>
  BlockedMaxPool: Signature<'X', PoolAttributes>
  BlockedGlobalAveragePool: Unary
  ReorderInput: Signature<'X', { readonly channels_last?: 1 }>
  ReorderOutput: Signature<'X', { readonly channels: number }>
  // product.ts
  MatMul: Binary
  Gemm: Signature<'A' | 'B' | 'C', { readonly alpha: number; readonly beta: number; readonly transA: 0 | 1; readonly transB: 0 | 1 }>
  FusedMatMul: Signature<'A' | 'B', { readonly alpha: number; readonly transA: 0 | 1; readonly transB: 0 | 1 }>
  // normalization.ts
  BatchNormalization: Signature<
    'X' | 'scale' | 'B' | 'input_mean' | 'input_var',
    { readonly epsilon: number; readonly momentum: number; readonly training_mode: 0 | 1 }
  >
  // pooling.ts
  MaxPool: Signature<'X', PoolAttributes>
  AveragePool: Signature<'X', PoolAttributes & { readonly count_include_pad: 0 | 1 }>
  // activation.ts
  Relu: Unary
  Clip: Signature<'input' | 'min' | 'max', None>
  HardSigmoid: Signature<'X', { readonly alpha: number; readonly beta: number }>
  Softmax: Signature<'input', AxisAttributes>
  LogSoftmax: Signature<'input', AxisAttributes>
  Sigmoid: Unary
  Tanh: Unary
  // elementwise.ts
  Add: Binary
  Sub: Binary
  Mul: Binary
  Div: Binary
  Pow: Signature<'X' | 'Y', None>
  Max: Signature<'data_0', None>
  Min: Signature<'data_0', None>
  Neg: Unary
  Abs: Unary
  Sign: Unary
  Sqrt: Unary
  Exp: Unary
  Log: Unary
  Reciprocal: Unary
  Softplus: Unary
  Where: Signature<'condition' | 'X' | 'Y', None>
  Equal: Binary
  Greater: Binary
  Less: Binary
  Cast: Signature<'input', { readonly to: 'float32' | 'int64' | 'bool' | 'float16' }>
  // quantization.ts
  QuantizeLinear: Signature<'x' | 'y_scale' | 'y_zero_point', AxisAttributes>
  DequantizeLinear: Signature<'x' | 'x_scale' | 'x_zero_point', AxisAttributes>
  // reduction.ts
  ReduceMean: Reduce
  ReduceSum: Reduce
  ReduceMax: Reduce
  ReduceSumSquare: Reduce
  // movement.ts
  Identity: Signature<'input', None>
  Reshape: Signature<'data' | 'shape', None>
  Transpose: Signature<'data', { readonly perm: readonly number[] }>
  Concat: Signature<'inputs', AxisAttributes>
  Slice: Signature<'data' | 'starts' | 'ends' | 'axes' | 'steps', None>
  Pad: Signature<'data' | 'pads' | 'constant_value' | 'axes', None>
  Expand: Signature<'input' | 'shape', None>
  ScatterElements: Signature<'data' | 'indices' | 'updates', { readonly axis: number; readonly reduction: 'add' | 'none' }>
}

/** The name of an operator, as ONNX spells it. */
export type OpName = keyof Signatures
/** The attributes of every operator. */
export type Attributes = { readonly [K in OpName]: Signatures[K]['attributes'] }
/** The names of an operator's inputs, as ONNX spells them. */
export type InputName<K extends OpName> = Signatures[K]['input']
