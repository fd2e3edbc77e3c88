/** @file Numbers of 16 bits (IEEE 754 binary16), which JavaScript lacks. */

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of mantissa. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const mantissa = bits & 1023
  if (exponent === 0) return sign * mantissa * 2 ** -24
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

/** The nearest binary16 (the even one of two), as its bits. Beyond 65,520 it is infinite. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  // A step of the numbers around `size`: 2⁻²⁴ below 2⁻¹⁴, the least normal number.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const steps = roundHalfEven(size / 2 ** (exponent - 10))
  return sign | (exponent === -14 ? steps : ((exponent + 15) << 10) + (steps - 1024))
}

/** The nearest binary16 of every number, as bits. */
export function toHalves(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, toHalf)
}

/** The numbers that halves stand for, exactly. */
export function fromHalves(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, fromHalf)
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
