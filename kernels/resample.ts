/**
 * @file The two passes of Pillow's resampling in AssemblyScript, four or sixteen numbers at a time. `src/image/resample.ts` has the same loops in
 * TypeScript with the reasons; `npx tsx scripts/build-kernels.ts` makes `src/image/generated/resample.ts` of this file. Sums wrap at 32 bits in
 * both. Vectors read and write up to 15 bytes behind the end of a picture: what they write there is written again, or never read.
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
