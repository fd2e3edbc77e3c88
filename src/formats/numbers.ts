/** @file Half precision, and bytes of files as float32. */

/** How a file holds its numbers; all little-endian. */
export type NumberType = 'float32' | 'float16' | 'bfloat16' | 'float64' | 'uint8' | 'uint16' | 'int32'

/** Bytes of one number. */
export const numberBytes: Readonly<Record<NumberType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  uint8: 1,
  uint16: 2,
  int32: 4,
}

/** All numbers of `bytes`, which must be a whole number of them. */
export function toFloat32From(bytes: Uint8Array, type: NumberType): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const width = numberBytes[type]
  const numbers = new Float32Array(bytes.byteLength / width)
  for (let i = 0; i < numbers.length; i++) numbers[i] = readers[type](view, i * width)
  return numbers
}

const readers: Readonly<Record<NumberType, (view: DataView, at: number) => number>> = {
  float32: (view, at) => view.getFloat32(at, true),
  float16: (view, at) => fromHalf(view.getUint16(at, true)),
  bfloat16(view, at) {
    scratch.setUint32(0, view.getUint16(at, true) << 16)
    return scratch.getFloat32(0)
  },
  float64: (view, at) => view.getFloat64(at, true),
  uint8: (view, at) => view.getUint8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int32: (view, at) => view.getInt32(at, true),
}

const scratch = new DataView(new ArrayBuffer(4))

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

function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
