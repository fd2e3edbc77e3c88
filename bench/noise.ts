/** @file Made-up photos, the same in every run. */
import { random, tensor, type Tensor } from '../src/tensor/index.ts'

/** Seeded noise in the range of preprocessed photos. */
export function noise(count: number, [height, width]: readonly [number, number]): Tensor<'float32'> {
  const rng = random('bench')
  const data = Float32Array.from({ length: count * height * width * 3 }, () => 2 * rng.uniform() - 1)
  return tensor(data, [count, height, width, 3])
}
