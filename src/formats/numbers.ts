/** @file Half precision, and bytes of files as float32. */
import { RootstockError } from '../errors.ts'
import { fromHalf } from '../tensor/index.ts'

/** How a file holds its numbers; all little-endian. */
export type NumberType = 'float32' | 'float16' | 'bfloat16' | 'float64' | 'uint8' | 'int8' | 'uint16' | 'int32'

/** Bytes of one number. */
export const numberBytes: Readonly<Record<NumberType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  uint8: 1,
  int8: 1,
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

/** Whether this machine keeps numbers as files do. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** The same; `bytes`, which nobody else may hold, become the numbers where nothing has to be changed. */
export function ownFloats(bytes: Buffer<ArrayBuffer>, type: NumberType): Float32Array {
  const isFloats = type === 'float32' && isLittleEndian && bytes.byteOffset % 4 === 0
  return isFloats ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) : toFloat32From(bytes, type)
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
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int32: (view, at) => view.getInt32(at, true),
}

const scratch = new DataView(new ArrayBuffer(4))

/** The place of the first number that is not finite, or -1. A loop, since a hundred million numbers are tested here. */
export function firstNotFinite(data: Float32Array): number {
  // What is not finite, less itself, is not a number.
  for (let i = 0; i < data.length; i++) if (data[i]! - data[i]! !== 0) return i
  return -1
}

/** The WEIGHTS error of a file with numbers that are not finite; `found` says which. */
export function notFinite(path: string, found: string): RootstockError {
  return new RootstockError('WEIGHTS', `Cannot read ${path}: ${found}, expected finite numbers`, {
    hint: 'The training that wrote this file had failed; use an earlier checkpoint',
  })
}
