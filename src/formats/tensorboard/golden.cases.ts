/** @file What Keras's and TensorFlow's own writers made (test/golden/callback-files.json). */
import { readFileSync } from 'node:fs'
import { sizeOf, type Shape, type Tensor } from '../../tensor/index.ts'

interface Goldens {
  readonly pictures: readonly {
    readonly shape: readonly number[]
    readonly size: readonly [width: number, height: number] | null
    readonly channels: number | null
    readonly pixels: readonly (readonly number[])[] | null
  }[]
  readonly histograms: readonly {
    readonly name: string
    readonly values: readonly number[] | null
    readonly buckets: readonly (readonly number[])[]
  }[]
}

export const goldens = JSON.parse(readFileSync(new URL('../../../test/golden/callback-files.json', import.meta.url), 'utf8')) as Goldens

/** Numbers from -0.3 to 1.3 that both sides compute alike. */
export function values(shape: Shape): Tensor<'float32'> {
  return { data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => (((i * 37) % 101) / 100) * 1.6 - 0.3), shape, dtype: 'float32' }
}
