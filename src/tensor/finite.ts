/** @file Looking for what is not finite among many numbers. */

/** Whether `width` numbers from `from` on are finite. Sums of products with zero are zero, unless there is a NaN or an infinity; four at a time do not wait for each other. */
export function allFinite(data: Float32Array, from = 0, width = data.length): boolean {
  const end = from + width
  let [a, b, c, d] = [0, 0, 0, 0]
  let i = from
  for (; i + 3 < end; i += 4) {
    a += data[i]! * 0
    b += data[i + 1]! * 0
    c += data[i + 2]! * 0
    d += data[i + 3]! * 0
  }
  for (; i < end; i++) a += data[i]! * 0
  return a + b + c + d === 0
}
