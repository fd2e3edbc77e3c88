/** @file The two passes of resampling in plain loops. `kernels/image.ts` has them for WebAssembly, seven times as fast; the bytes are the same. */
import type { Pixels } from './pixels.ts'
import { PRECISION, type Coefficients } from './resample-weights.ts'

/** From `first` up to `last`, without it. */
export interface Lines {
  readonly first: number
  readonly last: number
}

/** The two passes. */
export interface Passes<Result = Pixels> {
  /** Resamples these lines, which become lines 0 and up of the result. */
  across(pixels: Pixels, across: Coefficients, lines: Lines): Result
  /** Resamples down; line 0 of the source is line `first` of the coefficients. */
  down(pixels: Pixels, down: Coefficients, first: number): Result
}

/** For every engine of JavaScript and every size. */
export const loops: Passes = { across, down }

function across({ data, width }: Pixels, { starts, counts, weights, stride }: Coefficients, { first, last }: Lines): Pixels {
  const columns = starts.length
  const out = new Uint8ClampedArray((last - first) * columns * 3)
  for (let y = first, to = 0; y < last; y++) {
    for (let x = 0; x < columns; x++, to += 3) {
      let red = 1 << (PRECISION - 1)
      let green = red
      let blue = red
      let at = (y * width + starts[x]!) * 3
      const end = x * stride + counts[x]!
      for (let k = x * stride; k < end; k++, at += 3) {
        const weight = weights[k]!
        red = (red + Math.imul(data[at]!, weight)) | 0
        green = (green + Math.imul(data[at + 1]!, weight)) | 0
        blue = (blue + Math.imul(data[at + 2]!, weight)) | 0
      }
      out[to] = red >> PRECISION
      out[to + 1] = green >> PRECISION
      out[to + 2] = blue >> PRECISION
    }
  }
  return { data: new Uint8Array(out.buffer), width: columns, height: last - first }
}

function down({ data, width }: Pixels, { starts, counts, weights, stride }: Coefficients, first: number): Pixels {
  const lines = starts.length
  const row = width * 3
  const out = new Uint8ClampedArray(lines * row)
  for (let y = 0; y < lines; y++) {
    const start = (starts[y]! - first) * row
    const begin = y * stride
    const end = begin + counts[y]!
    for (let i = 0; i < row; i++) {
      let sum = 1 << (PRECISION - 1)
      for (let k = begin, at = start + i; k < end; k++, at += row) sum = (sum + Math.imul(data[at]!, weights[k]!)) | 0
      out[y * row + i] = sum >> PRECISION
    }
  }
  return { data: new Uint8Array(out.buffer), width, height: lines }
}
