/**
 * @file A strict reader of a GIF's first frame: libvips gives black for transparent pixels and for what lies around a frame that is smaller than the
 * picture, where Pillow gives their colours.
 */
import type { RootstockError } from '../errors.ts'
import { unlace, unpackCodes } from './gif-codes.ts'
import type { Pixels } from './pixels.ts'
import { unreadable } from './read.ts'

interface Frame {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly isInterlaced: boolean
  readonly palette: Uint8Array
  /** Where its codes begin. */
  readonly at: number
  /** The colour of what the frame does not cover. */
  readonly around: number
}

type Refuse = (reason: string) => RootstockError

const HEADER = 13
const EXTENSION = 0x21
const GRAPHIC_CONTROL = 0xf9
const IMAGE = 0x2c
const TRAILER = 0x3b

/** The first frame of a GIF on its canvas; a transparent pixel has the colour that the palette names. */
export function decodeGif(bytes: Uint8Array, name: string, maxPixels: number): Pixels {
  const refuse: Refuse = (reason) => unreadable(name, reason)
  if (bytes.length < HEADER) throw refuse('the file is truncated')
  const frame = firstFrame(bytes, refuse)
  const { left, top, palette, around } = frame
  if (frame.width === 0 || frame.height === 0) throw refuse('its first frame has no pixels')
  // A frame that reaches beyond the picture makes it larger.
  const width = Math.max(wordAt(bytes, 6), left + frame.width)
  const height = Math.max(wordAt(bytes, 8), top + frame.height)
  if (width * height > maxPixels) throw refuse(`it has more than ${maxPixels / 1e6} million pixels`)
  const indices = unpackCodes(bytes, frame.at, frame.width * frame.height)
  if (indices === 'truncated') throw refuse('the file is truncated')
  if (indices === 'damaged') throw refuse('its data are damaged (a code that cannot be)')
  const data = new Uint8Array(width * height * 3)
  if (frame.width < width || frame.height < height) paint(data, palette, around)
  for (const [y, from] of unlace(frame.height, frame.isInterlaced).entries()) {
    const row = indices.subarray(from * frame.width, (from + 1) * frame.width)
    copyRow(row, palette, data.subarray(((top + y) * width + left) * 3))
  }
  return { data, width, height }
}

/** Walks over what comes before the first frame. */
function firstFrame(bytes: Uint8Array, refuse: Refuse): Frame {
  const flags = bytes[10]!
  let at = HEADER + paletteBytes(flags)
  const all = at > HEADER ? paletteOf(bytes.subarray(HEADER, at)) : GREYS
  let around = 0
  while (at < bytes.length && bytes[at] !== TRAILER) {
    const kind = bytes[at++]!
    if (kind === IMAGE) return frameAt(bytes, at, { all, around, refuse })
    if (kind !== EXTENSION) continue
    if (bytes[at] === GRAPHIC_CONTROL && bytes[at + 1]! >= 4 && bytes[at + 2]! & 1) around = bytes[at + 5] ?? 0
    at = afterBlocks(bytes, at + 1)
  }
  throw refuse(at < bytes.length ? 'it has no frame' : 'the file is truncated')
}

function frameAt(bytes: Uint8Array, at: number, { all, around, refuse }: { all: Uint8Array; around: number; refuse: Refuse }): Frame {
  const flags = bytes[at + 8] ?? 0
  const own = at + 9
  const codes = own + paletteBytes(flags)
  if (codes >= bytes.length) throw refuse('the file is truncated')
  return {
    left: wordAt(bytes, at),
    top: wordAt(bytes, at + 2),
    width: wordAt(bytes, at + 4),
    height: wordAt(bytes, at + 6),
    isInterlaced: (flags & 0x40) !== 0,
    palette: codes > own ? paletteOf(bytes.subarray(own, codes)) : all,
    at: codes,
    around,
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0)
}

/** Of the palette that follows, by the flags that tell of it. */
function paletteBytes(flags: number): number {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0
}

const GREYS = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3))

/** 256 colours: those beyond the palette are black, or greys where the palette has nothing else than these. */
function paletteOf(colours: Uint8Array): Uint8Array {
  if (colours.every((value, i) => value === GREYS[i])) return GREYS
  const palette = new Uint8Array(768)
  palette.set(colours)
  return palette
}

/** Behind the blocks of data that begin here: each tells its length, and one of no length is the last. */
function afterBlocks(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1
  return at + 1
}

function paint(data: Uint8Array, palette: Uint8Array, colour: number): void {
  const [red = 0, green = 0, blue = 0] = palette.subarray(colour * 3, colour * 3 + 3)
  for (let i = 0; i < data.length; i += 3) {
    data[i] = red
    data[i + 1] = green
    data[i + 2] = blue
  }
}

function copyRow(row: Uint8Array, palette: Uint8Array, data: Uint8Array): void {
  for (let x = 0, to = 0; x < row.length; x++, to += 3) {
    const at = row[x]! * 3
    data[to] = palette[at]!
    data[to + 1] = palette[at + 1]!
    data[to + 2] = palette[at + 2]!
  }
}
