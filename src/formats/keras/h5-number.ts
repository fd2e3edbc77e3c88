/** @file Numbers of HDF5 as JavaScript's, one by one and in bulk to float32. */
import { fromHalf } from '../../tensor/index.ts'
import type { H5Number } from './h5-types.ts'

/** The number at a position. */
export function readNumber(view: DataView, at: number, { kind, bytes, signed, littleEndian: le }: H5Number): number {
  if (kind === 'float') {
    if (bytes === 8) return view.getFloat64(at, le)
    return bytes === 4 ? view.getFloat32(at, le) : fromHalf(view.getUint16(at, le))
  }
  if (bytes === 8) return Number(signed ? view.getBigInt64(at, le) : view.getBigUint64(at, le))
  if (bytes === 4) return signed ? view.getInt32(at, le) : view.getUint32(at, le)
  if (bytes === 2) return signed ? view.getInt16(at, le) : view.getUint16(at, le)
  return signed ? view.getInt8(at) : view.getUint8(at)
}

/** Fills `into` with the numbers at the start of `bytes`. */
export function toFloat32(bytes: Uint8Array, type: H5Number, into: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < into.length; i++) into[i] = readNumber(view, i * type.bytes, type)
}

/** Whether the bytes are this machine's float32 as they lie. */
export function isNativeFloat32({ kind, bytes, littleEndian }: H5Number): boolean {
  return kind === 'float' && bytes === 4 && littleEndian && new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
}
