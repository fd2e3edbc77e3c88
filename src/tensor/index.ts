/** @file Public face of tensor/: plain tensors and seeded random numbers. */
export { tensor, zeros, reshape, rows, stack, stridesOf, sizeOf, sameShape, showShape } from './tensor.ts'
export { transpose } from './transpose.ts'
export type { Tensor, TensorData, DType, Shape, Dim } from './tensor.ts'
export { allFinite } from './finite.ts'
export { fromHalf, fromHalves, toHalf, toHalves } from './half.ts'
export { random, fnv1a, mix } from './random.ts'
export type { Random } from './random.ts'
export { collectGarbage, passing } from './garbage.ts'
