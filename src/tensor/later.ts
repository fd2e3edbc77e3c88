/** @file Tensors whose numbers are made when somebody reads them. */
import { passing } from './garbage.ts'
import type { Shape, Tensor } from './tensor.ts'

/** A tensor of that shape; `make` is called once, by the first who reads its numbers. */
export function madeLater(shape: Shape, make: () => Float32Array): Tensor<'float32'> {
  let data: Float32Array | undefined
  return {
    get data() {
      if (!data) passing((data = make()).byteLength)
      return data
    },
    shape,
    dtype: 'float32',
  }
}
