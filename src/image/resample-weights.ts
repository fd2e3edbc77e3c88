/** @file The weights of Pillow's resampling (`precompute_coeffs` and `normalize_coeffs_8bpc` of its `Resample.c`). */

/** Pillow's filters. */
export type FilterName = 'bilinear' | 'bicubic' | 'lanczos' | 'box' | 'hamming'

interface Filter {
  /** Half the width of the kernel, in pixels of the smaller picture. */
  readonly support: number
  readonly weight: (x: number) => number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI))

const FILTERS: Readonly<Record<FilterName, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/** Bits after the point of a weight: 8 for the value and 2 for overshoot are kept free. */
export const PRECISION = 32 - 8 - 2

/** For each place of the result: where its source begins, how many values it takes, and their fixed-point weights. */
export interface Coefficients {
  readonly starts: Int32Array
  readonly counts: Int32Array
  /** `stride` weights for each place. */
  readonly weights: Int32Array
  readonly stride: number
}

/** For `count` places that share `length` of `size` pixels, from pixel `start` on. */
export function coefficients(
  size: number,
  axis: { readonly start: number; readonly length: number; readonly count: number },
  filterName: FilterName,
): Coefficients {
  const { start, length, count } = axis
  const filter = FILTERS[filterName]
  const scale = length / count
  const filterScale = Math.max(1, scale)
  const support = filter.support * filterScale
  const stride = Math.ceil(support) * 2 + 1
  const starts = new Int32Array(count)
  const counts = new Int32Array(count)
  const weights = new Int32Array(count * stride)
  const exact = new Float64Array(stride)
  for (let i = 0; i < count; i++) {
    const centre = start + (i + 0.5) * scale
    const from = Math.max(0, Math.trunc(centre - support + 0.5))
    const taken = Math.min(size, Math.trunc(centre + support + 0.5)) - from
    let sum = 0
    for (let k = 0; k < taken; k++) {
      exact[k] = filter.weight((k + from - centre + 0.5) * (1 / filterScale))
      sum += exact[k]!
    }
    for (let k = 0; k < taken; k++) {
      const share = (sum === 0 ? exact[k]! : exact[k]! / sum) * (1 << PRECISION)
      weights[i * stride + k] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5)
    }
    starts[i] = from
    counts[i] = taken
  }
  return { starts, counts, weights, stride }
}

/** Pillow has these two in float32. */
const HAMMING = [Math.fround(0.54), Math.fround(0.46)] as const

function hamming(x: number): number {
  const distance = Math.abs(x)
  if (distance === 0) return 1
  if (distance >= 1) return 0
  const angle = distance * Math.PI
  return (Math.sin(angle) / angle) * (HAMMING[0] + HAMMING[1] * Math.cos(angle))
}

/** Keys's cubic with a = −0.5. */
function bicubic(x: number): number {
  const a = -0.5
  const d = Math.abs(x)
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a
  return 0
}
