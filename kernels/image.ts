/**
 * @file The loops over a picture's bytes in AssemblyScript, four or sixteen numbers at a time: the two passes of Pillow's resampling, its
 * nearest pixels, and from bytes to a network's numbers. `src/image/` has the same in TypeScript; `npx tsx scripts/build-kernels.ts` makes
 * `src/image/generated/kernel.ts` of this file. Sums wrap at 32 bits in both. Vectors read up to 15 bytes behind the end of a picture and
 * write up to 15, `affine` up to 36: what they write there is written again, or never read.
 */

/** Bits after the point of a weight. */
const PRECISION: i32 = 22
const HALF: i32 = 1 << (PRECISION - 1)

/** Rows of pixels become rows of `columns` pixels; column x takes `counts[x]` pixels from `starts[x]` on, by its row of `stride` weights. */
export function across(
  from: usize,
  rowBytes: i32,
  lines: i32,
  starts: usize,
  counts: usize,
  weights: usize,
  stride: i32,
  columns: i32,
  to: usize,
): void {
  for (let y = 0; y < lines; y++, from += rowBytes) {
    let row = weights
    for (let x = 0; x < columns; x++, to += 3, row += stride << 2) {
      let at = from + load<i32>(starts + (x << 2)) * 3
      const end = row + (load<i32>(counts + (x << 2)) << 2)
      let sum = i32x4.splat(HALF)
      for (let weight = row; weight < end; weight += 4, at += 3) {
        const colours = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)))
        sum = i32x4.add(sum, i32x4.mul(colours, v128.load_splat<i32>(weight)))
      }
      const whole = i32x4.shr_s(sum, PRECISION)
      const words = i16x8.narrow_i32x4_s(whole, whole)
      v128.store_lane<i32>(to, i8x16.narrow_i16x8_u(words, words), 0)
    }
  }
}

/** Rows of `rowBytes` become `lines` rows of the same length; row y takes `counts[y]` of them from `starts[y]` on. */
export function down(from: usize, rowBytes: i32, starts: usize, counts: usize, weights: usize, stride: i32, lines: i32, to: usize): void {
  for (let y = 0; y < lines; y++, to += rowBytes, weights += stride << 2) {
    const first = from + load<i32>(starts + (y << 2)) * rowBytes
    const end = weights + (load<i32>(counts + (y << 2)) << 2)
    for (let i = 0; i < rowBytes; i += 16) {
      let a = i32x4.splat(HALF)
      let b = a
      let c = a
      let d = a
      let at = first + i
      for (let weight = weights; weight < end; weight += 4, at += rowBytes) {
        const share = v128.load_splat<i32>(weight)
        const bytes = v128.load(at)
        const low = i16x8.extend_low_i8x16_u(bytes)
        const high = i16x8.extend_high_i8x16_u(bytes)
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), share))
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), share))
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), share))
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), share))
      }
      const low = i16x8.narrow_i32x4_s(i32x4.shr_s(a, PRECISION), i32x4.shr_s(b, PRECISION))
      const high = i16x8.narrow_i32x4_s(i32x4.shr_s(c, PRECISION), i32x4.shr_s(d, PRECISION))
      v128.store(to + i, i8x16.narrow_i16x8_u(low, high))
    }
  }
}

/** Row y becomes the pixels of row `rows[y]` that begin at the bytes `columns`. */
export function pick(from: usize, rowBytes: i32, rows: usize, lines: i32, columns: usize, count: i32, to: usize): void {
  for (const end = rows + (lines << 2); rows < end; rows += 4) {
    const row = from + load<i32>(rows) * rowBytes
    const last = columns + (count << 2)
    for (let column = columns; column < last; column += 4, to += 3) store<u32>(to, load<u32>(row + load<i32>(column)))
  }
}

/**
 * (x / divisor − mean) / deviation in float32, of pixels whose bytes begin at `from` and end before `end`, with the mean and deviation of each channel
 * of the result; `isTurned` makes the last channel the first.
 */
export function affine(
  from: usize,
  end: usize,
  to: usize,
  isTurned: bool,
  divisor: f32,
  mean0: f32,
  mean1: f32,
  mean2: f32,
  deviation0: f32,
  deviation1: f32,
  deviation2: f32,
): void {
  const by = f32x4.splat(divisor)
  // Four pixels have twelve numbers: three vectors, each of which begins with another channel.
  const meanA = four(mean0, mean1, mean2, mean0)
  const meanB = four(mean1, mean2, mean0, mean1)
  const meanC = four(mean2, mean0, mean1, mean2)
  const deviationA = four(deviation0, deviation1, deviation2, deviation0)
  const deviationB = four(deviation1, deviation2, deviation0, deviation1)
  const deviationC = four(deviation2, deviation0, deviation1, deviation2)
  for (; from < end; from += 12, to += 48) {
    let bytes = v128.load(from)
    if (isTurned) bytes = i8x16.shuffle(bytes, bytes, 2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 12, 13, 14, 15)
    const low = i16x8.extend_low_i8x16_u(bytes)
    const high = i16x8.extend_high_i8x16_u(bytes)
    v128.store(to, step(i32x4.extend_low_i16x8_u(low), by, meanA, deviationA))
    v128.store(to, step(i32x4.extend_high_i16x8_u(low), by, meanB, deviationB), 16)
    v128.store(to, step(i32x4.extend_low_i16x8_u(high), by, meanC, deviationC), 32)
  }
}

function four(a: f32, b: f32, c: f32, d: f32): v128 {
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(a), 1, b), 2, c), 3, d)
}

function step(numbers: v128, by: v128, mean: v128, deviation: v128): v128 {
  return f32x4.div(f32x4.sub(f32x4.div(f32x4.convert_i32x4_s(numbers), by), mean), deviation)
}
