/** @file Opens a file (or bytes) for the HDF5 reader and checks what can be checked before any library sees it: kind, signature, length. */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { RootstockError } from '../../errors.ts'
import { fileError, formatBytes, openPart, openRegularSync, type FilePart } from '../../files/index.ts'

/** Bytes to read at any position. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Fills `target` from `position`; returns how many bytes there were. */
  read(target: Uint8Array, position: number): number
  close(): void
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
/** Where a superblock of each version keeps its base address and the file's length; offsets are 8 bytes wide in all of them. */
const SUPERBLOCKS = [
  { version: 0, widths: 13, base: 24, end: 40 },
  { version: 1, widths: 13, base: 28, end: 44 },
  { version: 2, widths: 9, base: 12, end: 28 },
  { version: 3, widths: 9, base: 12, end: 28 },
]

/** Where an HDF5 file is: its path, a part of another file, or its bytes. */
export type H5Origin = string | FilePart | Uint8Array

/** Opens a regular file, a part of one, or bytes. Throws FILE when it cannot be read and WEIGHTS when it is no whole HDF5 file. */
export function openSource(source: H5Origin): ByteSource {
  const bytes = typeof source === 'string' ? openFile(source) : 'path' in source ? fromPart(source) : fromBytes(source)
  try {
    checkSuperblock(bytes)
  } catch (error) {
    bytes.close()
    throw fileError(error, bytes.name, { action: 'read' })
  }
  return bytes
}

/** A WEIGHTS error of this file. */
export function refusal(
  source: ByteSource,
  found: string,
  hint = 'Get the file again from where it came, or use another one',
): RootstockError {
  return new RootstockError('WEIGHTS', `Cannot read ${source.name}: ${found}`, { hint })
}

/** The 8-byte little-endian number at `position`; Infinity for HDF5's "undefined address". */
export function readAddress(view: DataView, position: number): number {
  const value = view.getBigUint64(position, true)
  return value === 0xffff_ffff_ffff_ffffn ? Infinity : Number(value)
}

function openFile(path: string): ByteSource {
  const fd = openRegularSync(path, { expected: 'an HDF5 file' })
  const { size } = fstatSync(fd)
  return {
    name: path,
    size,
    read: (target, position) => (position < size ? readSync(fd, target, 0, target.length, position) : 0),
    close: () => closeSync(fd),
  }
}

function fromPart(part: FilePart): ByteSource {
  return { name: part.path, size: part.size, ...openPart(part) }
}

function fromBytes(bytes: Uint8Array): ByteSource {
  return {
    name: 'the given bytes',
    size: bytes.length,
    read(target, position) {
      const piece = bytes.subarray(position, position + target.length)
      target.set(piece)
      return piece.length
    },
    close() {},
  }
}

function checkSuperblock(source: ByteSource): void {
  const head = new Uint8Array(52)
  const length = source.read(head, 0)
  if (length === 0) throw refusal(source, 'it is empty, expected an HDF5 file')
  if (SIGNATURE.some((byte, i) => head[i] !== byte)) {
    const text = new TextDecoder('latin1').decode(head).trimStart()
    const kind = text.startsWith('<')
      ? 'it looks like a web page'
      : text.startsWith('PK')
        ? 'it is a zip archive'
        : 'it has no HDF5 signature'
    const short = length < SIGNATURE.length ? `truncated or not HDF5: ${formatBytes(source.size)} found` : `${kind}, expected an HDF5 file`
    throw refusal(source, short)
  }
  if (length < head.length) throw refusal(source, `truncated or not HDF5: ${formatBytes(source.size)} found`)
  const layout = SUPERBLOCKS.find(({ version }) => version === head[8])
  const view = new DataView(head.buffer)
  if (!layout || head[layout.widths] !== 8 || head[layout.widths + 1] !== 8 || readAddress(view, layout.base) !== 0) {
    throw refusal(source, `unknown HDF5 superblock (version ${head[8]}), expected versions 0 to 3 with 8-byte addresses from byte 0`)
  }
  const end = readAddress(view, layout.end)
  if (end > source.size) {
    throw refusal(source, `truncated, ${source.size.toLocaleString('en-US')} of ${formatBytes(end)}`)
  }
}

/** `length` bytes at `address`; throws a RangeError when they do not lie in the file. */
export function readBlock(source: ByteSource, address: number, length: number): DataView {
  const inside = address >= 0 && length >= 0 && address + length <= source.size
  if (!inside) throw new RangeError(`bytes ${address} to ${address + length} lie outside the file`)
  const bytes = new Uint8Array(length)
  if (source.read(bytes, address) !== length) throw new RangeError('the file became shorter')
  return new DataView(bytes.buffer)
}

/** A sound file is read about once by a walk or a read; one that leads to the same bytes again and again is refused before that takes long. */
export function withBudget(source: ByteSource): ByteSource {
  let left = 16 * source.size + 2 ** 20
  return {
    name: source.name,
    size: source.size,
    close: () => source.close(),
    read(target, position) {
      left -= target.length
      if (left < 0) throw refusal(source, 'it leads to the same bytes again and again')
      return source.read(target, position)
    },
  }
}
