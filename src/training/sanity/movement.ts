/** @file How far weights that knew something have moved, on a sample of their numbers. */
import type { Variable } from '../../layers/index.ts'

/** Numbers that are looked at in each kernel: copies of whole networks would be hundreds of megabytes. */
const SAMPLED = 1024

/** Kernels that were not drawn at random but loaded, assigned or trained. */
export function knowingKernels(trainable: readonly Variable[]): readonly Variable[] {
  return trainable.filter(({ version, shape }) => version > 0 && shape.length >= 2)
}

/** From now on: the middle kernel's distance from where it is, as a share of its size. */
export function movementOf(kernels: readonly Variable[]): () => number {
  const begun = kernels.map(sampleOf)
  return () => {
    const shares = kernels.map((kernel, at) => {
      const now = sampleOf(kernel)
      const was = begun[at]!
      const size = Math.hypot(...was)
      return size === 0 ? 0 : Math.hypot(...now.map((value, i) => value - was[i]!)) / size
    })
    return shares.sort((a, b) => a - b)[Math.floor(shares.length / 2)] ?? 0
  }
}

function sampleOf(kernel: Variable): Float32Array {
  const { data } = kernel.graphValue()
  const count = Math.min(data.length, SAMPLED)
  return Float32Array.from({ length: count }, (_, i) => data[Math.floor((i * data.length) / count)]!)
}
