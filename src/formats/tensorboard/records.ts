/** @file The frame of TFRecord files: length (8 bytes), checksum of the length, the record, checksum of the record. */
import { crc32c } from '@node-rs/crc32'

/** Bytes of a frame before the record, and after it. */
const before = 12
const after = 4

/** What a file of records holds up to its end or its first fault. */
export interface Records {
  /** The content of every whole record. */
  readonly records: readonly Uint8Array[]
  /** Bytes of the file that these records take. */
  readonly size: number
  /** Why reading ended before the file did: the last record is not all there, or its checksum does not fit. */
  readonly fault: 'cut' | 'checksum' | undefined
}

/** The record in its frame. */
export function frameRecord(record: Uint8Array): Uint8Array {
  const frame = new Uint8Array(before + record.length + after)
  const view = new DataView(frame.buffer)
  view.setBigUint64(0, BigInt(record.length), true)
  view.setUint32(8, maskedChecksum(frame.subarray(0, 8)), true)
  frame.set(record, before)
  view.setUint32(before + record.length, maskedChecksum(record), true)
  return frame
}

/** The records of a file; a file that is still being written, or was cut, gives what is whole. */
export function readRecords(bytes: Uint8Array): Records {
  // Parts of a Buffer would be Buffers.
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const records: Uint8Array[] = []
  let at = 0
  const ended = (fault: Records['fault']): Records => ({ records, size: at, fault })
  while (at < file.length) {
    if (file.length - at < before) return ended('cut')
    if (view.getUint32(at + 8, true) !== maskedChecksum(file.subarray(at, at + 8))) return ended('checksum')
    // A length beyond 2^53 has lost its last digits here, and is far beyond the file in any case.
    const length = Number(view.getBigUint64(at, true))
    if (length > file.length - at - before - after) return ended('cut')
    const record = file.subarray(at + before, at + before + length)
    if (view.getUint32(at + before + length, true) !== maskedChecksum(record)) return ended('checksum')
    records.push(record)
    at += before + length + after
  }
  return ended(undefined)
}

/** CRC-32C, rotated and shifted so that checksums of data which holds checksums stay useful (tsl/lib/hash/crc32c.h). */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
