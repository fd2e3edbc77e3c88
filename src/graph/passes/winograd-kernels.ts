/** @file G g Gᵀ of Winograd's convolution for all pairs of channels. */
import type { Shape } from '../../tensor/index.ts'
import type { Value } from '../graph.ts'
import { sizes } from '../operators/shapes.ts'
import type { Tape } from '../tape.ts'

export interface KernelSource {
  /** [O,C,3,3] */
  readonly kernel: Value
  readonly numbers: () => Float32Array
  readonly name: string
}

/** The kernel [O,C,1,1] of each of the 16 products; computed when the graph is compiled. */
export function winogradKernels(tape: Tape, { kernel, numbers, name }: KernelSource): (r: number, s: number) => Value {
  const [o = 0, c = 0] = sizes(kernel)
  const shape: Shape = [o, c, 1, 1]
  return (r, s) =>
    tape.parameter(`${name}/kernel_${r}${s}`, { shape, dtype: 'float32' }, () => ({
      data: transformed(numbers(), r, s),
      shape,
      dtype: 'float32',
    }))
}

const G = [
  [1, 0, 0],
  [1 / 2, 1 / 2, 1 / 2],
  [1 / 2, -1 / 2, 1 / 2],
  [0, 0, 1],
] as const

/** One of the 16 numbers of each kernel, computed in float64 and rounded once. */
function transformed(kernels: Float32Array, r: number, s: number): Float32Array {
  const [a, b, c] = G[r]!
  const [x, y, z] = G[s]!
  const made = new Float32Array(kernels.length / 9)
  for (let i = 0, k = 0; i < made.length; i++, k += 9) {
    const top = x * kernels[k]! + y * kernels[k + 1]! + z * kernels[k + 2]!
    const middle = x * kernels[k + 3]! + y * kernels[k + 4]! + z * kernels[k + 5]!
    const bottom = x * kernels[k + 6]! + y * kernels[k + 7]! + z * kernels[k + 8]!
    made[i] = a * top + b * middle + c * bottom
  }
  return made
}
