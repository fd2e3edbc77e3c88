/** @file Decodes picture files to the RGB bytes that Pillow's `Image.open(path).convert('RGB')` gives, colour profiles ignored. */
import sharp, { type Metadata, type Sharp } from 'sharp'
import { messageOf } from '../errors.ts'
import { decodeBmp } from './bmp.ts'
import { decodeGif } from './gif.ts'
import { unknownMarker } from './jpeg-markers.ts'
import { orient } from './orient.ts'
import type { Pixels } from './pixels.ts'
import { pngTurn } from './png-turn.ts'
import { unreadable } from './read.ts'
import { premultipliedBits, tiffRefusal, withUsualTurn } from './tiff-kind.ts'

/** A decoded picture and the EXIF turn (1 to 8) that is still to be applied. */
export interface Decoded {
  /** Three channels, red first. */
  readonly pixels: Pixels
  /** EXIF's number, 1 to 8; 1 is upright. */
  readonly orientation: number
}

/** Most pixels that a picture may have; one that claims more is refused before memory is taken. */
export const MAX_PIXELS = 50_000_000

/** Longer pictures would need gigabytes of resampling weights. */
const MAX_SIDE = 1_000_000

const MAX_CHANNELS = 5

/** Content decides, never the file's name. The order of the rows is the order of the tests. */
const SIGNATURES: readonly { readonly format: Format; readonly matches: RegExp }[] = [
  { format: 'jpeg', matches: /^\xff\xd8\xff/ },
  { format: 'png', matches: /^\x89PNG\r\n\x1a\n/ },
  { format: 'gif', matches: /^GIF8[79]a/ },
  { format: 'webp', matches: /^RIFF[^]{4}WEBP/ },
  { format: 'tiff', matches: /^(II[*+]\0|MM\0[*+])/ },
  { format: 'bmp', matches: /^BM/ },
]

type Format = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'bmp'

/** Decodes the first frame of a picture; `name` is how messages call it. Alpha is dropped, not blended; the EXIF turn is not applied. */
export async function decode(bytes: Uint8Array, name: string): Promise<Decoded> {
  if (bytes.length === 0) throw unreadable(name, 'the file is empty')
  const format = sniff(bytes)
  if (!format) throw unreadable(name, 'it is not a picture in a known format, expected JPEG, PNG, WebP, GIF, TIFF or BMP')
  const decoded = await decodeAs(format, bytes, name)
  const side = Math.max(decoded.pixels.width, decoded.pixels.height)
  if (side > MAX_SIDE) throw unreadable(name, `its longer side has ${side} pixels, expected at most ${MAX_SIDE}`)
  // Pillow turns TIFF pictures while it loads them, whatever the caller asks for.
  return format === 'tiff' ? { pixels: orient(decoded.pixels, decoded.orientation), orientation: 1 } : decoded
}

async function decodeAs(format: Format, bytes: Uint8Array, name: string): Promise<Decoded> {
  if (format === 'bmp') return { pixels: decodeBmp(bytes, name, MAX_PIXELS), orientation: 1 }
  if (format === 'gif') return { pixels: decodeGif(bytes, name, MAX_PIXELS), orientation: 1 }
  const refusal = refusalOf(format, bytes)
  if (refusal !== undefined) throw unreadable(name, refusal)
  try {
    const readable = format === 'tiff' ? withUsualTurn(bytes) : bytes
    return await withItsOwnMessage(() => decodeWithSharp(readable))
  } catch (error) {
    throw unreadable(name, reasonOf(messageOf(error)), error)
  }
}

/** Why a picture is refused that libvips would read, but not as it is. */
function refusalOf(format: Format, bytes: Uint8Array): string | undefined {
  if (format === 'tiff') return tiffRefusal(bytes)
  const marker = format === 'jpeg' ? unknownMarker(bytes) : undefined
  return marker === undefined ? undefined : `its data are damaged (unknown marker 0x${marker.toString(16).padStart(2, '0')})`
}

const UNKNOWN = 'Unknown error'

/**
 * libvips keeps its messages in one place for all threads, and each picture that ends empties it: a failure beside other pictures may
 * come without its message. Failing again is quick, and sooner or later it happens alone.
 */
async function withItsOwnMessage<T>(read: () => Promise<T>, tries = 20): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (tries > 1 && messageOf(error).trim() === UNKNOWN) return withItsOwnMessage(read, tries - 1)
    throw error
  }
}

function sniff(bytes: Uint8Array): Format | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 16))
  return SIGNATURES.find(({ matches }) => matches.test(head))?.format
}

async function decodeWithSharp(bytes: Uint8Array): Promise<Decoded> {
  blockOtherLoaders()
  // 'error' refuses pictures that are cut or damaged, but not the harmless extra bytes that 'warning' would.
  const image = sharp(bytes, {
    failOn: 'error',
    limitInputPixels: MAX_PIXELS,
    limitInputChannels: MAX_CHANNELS,
    ignoreIcc: true,
    sequentialRead: true,
  })
  const found = await image.metadata()
  const read = READERS.get(found.space)
  if (!read) throw new Error(`its colours are in the space "${found.space}", expected RGB, grey or CMYK`)
  if (!isUsualDepth(found)) throw new Error(`its colours are numbers of the kind "${found.depth}", expected 8 or 16 bits without a sign`)
  const pixels = await withRoom(found.width * found.height * found.channels, () => read(image, { bytes, depth: found.depth }))
  const orientation = found.orientation ?? (found.format === 'png' ? pngTurn(bytes) : undefined)
  return { pixels, orientation: orientation ?? 1 }
}

/** Grey may be of any kind but bytes with a sign, which Pillow takes for bytes without one. */
function isUsualDepth({ space, depth }: Pick<Metadata, 'space' | 'depth'>): boolean {
  if (space === 'b-w' || space === 'grey16') return depth !== 'char'
  return depth === 'uchar' || depth === 'ushort'
}

/** Bytes that all pictures together may take which are decoded at the same time; one alone may take more. */
const ROOM = 96 * 2 ** 20
let taken = 0
let waiting: (() => void)[] = []

/** Small pictures are decoded many at a time, large ones one after the other. */
async function withRoom<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  while (taken > 0 && taken + bytes > ROOM) await new Promise<void>((resolve) => void waiting.push(resolve))
  taken += bytes
  try {
    return await work()
  } finally {
    taken -= bytes
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
}

let isBlocked = false

/** libvips would otherwise read SVG, PDF and more by content. Done at the first picture, as the setting is global to the process. */
function blockOtherLoaders(): void {
  if (isBlocked) return
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff'].map((loader) => `VipsForeignLoad${loader}`) })
  isBlocked = true
}

/** How each colour space of libvips becomes RGB in Pillow; the others are refused. */
const READERS = new Map<string, (image: Sharp, source: Source) => Promise<Pixels>>([
  ['srgb', readRgb],
  ['b-w', readRgb],
  ['rgb16', readRgb],
  ['grey16', async (image, { bytes }) => fromGrey16(await rawOf(image.toColourspace('grey16').raw({ depth: 'ushort' })), bytes)],
  ['cmyk', async (image, { depth }) => fromCmyk(await inksOf(image.pipelineColourspace('cmyk').toColourspace('cmyk'), depth))],
])

/** A picture as its file has it. */
interface Source {
  readonly bytes: Uint8Array
  readonly depth: Metadata['depth']
}

/** Of inks of 16 bits, the high byte. */
async function inksOf(image: Sharp, depth: Metadata['depth']): Promise<Raw> {
  if (depth !== 'ushort') return rawOf(image.raw())
  const { data, info } = await rawOf(image.raw({ depth: 'ushort' }))
  return { data: Uint8Array.from(wordsOf(data), (ink) => ink >> 8), info }
}

async function readRgb(image: Sharp, { bytes, depth }: Source): Promise<Pixels> {
  const premultiplied = sniff(bytes) === 'tiff' ? premultipliedBits(bytes) : undefined
  if (premultiplied === 16 && depth === 'ushort') return fromPremultiplied16(await rawOf(image.toColourspace('rgb16').raw({ depth })))
  const raw = await rawOf(image.toColourspace('srgb').raw())
  if (raw.info.channels === 4 && premultiplied === 8) divideByAlpha(raw.data)
  return spread(raw)
}

/** The same of 16 bits, of which Pillow divides the high bytes. */
function fromPremultiplied16({ data, info }: Raw): Pixels {
  const { channels } = info
  const wide = wordsOf(data)
  const bytes = Uint8Array.from(wide, (value) => value >> 8)
  for (let at = 0; channels === 4 && at < wide.length; at += 4) {
    const alpha = bytes[at + 3]!
    for (let c = at; c < at + 3; c++) {
      const product = Math.ceil((wide[c]! * wide[at + 3]!) / 65535) >> 8
      bytes[c] = alpha === 0 ? 0 : Math.min(255, Math.floor((255 * product) / alpha))
    }
  }
  return spread({ data: bytes, info })
}

/** libvips has divided with a small error, 254 for 255; the product that it began with is found again, and divided as Pillow does. */
function divideByAlpha(data: Uint8Array): void {
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3]!
    if (alpha === 0) continue
    for (let c = at; c < at + 3; c++) {
      const product = Math.ceil((data[c]! * alpha) / 255)
      data[c] = Math.min(255, Math.floor((255 * product) / alpha))
    }
  }
}

function rawOf(image: Sharp): Promise<Raw> {
  return image.toBuffer({ resolveWithObject: true })
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / 2)
}

interface Raw {
  readonly data: Uint8Array
  readonly info: { readonly width: number; readonly height: number; readonly channels: number }
}

/** One or two channels are grey, three or four RGB; what follows is alpha, which is dropped. */
function spread({ data, info }: Raw): Pixels {
  const { width, height, channels } = info
  if (channels === 3) return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height }
  const rgb = new Uint8Array(width * height * 3)
  const [green, blue] = channels > 3 ? [1, 2] : [0, 0]
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = data[from]!
    rgb[to + 1] = data[from + green]!
    rgb[to + 2] = data[from + blue]!
  }
  return { data: rgb, width, height }
}

/**
 * Pillow's mode I;16 to RGB: values above 255 become 255. Grey with alpha (mode LA) keeps the high byte instead, but not where libvips has made
 * the alpha of a PNG's transparent value.
 */
function fromGrey16({ data, info }: Raw, bytes: Uint8Array): Pixels {
  const { width, height, channels } = info
  const isClipped = channels === 1 || (sniff(bytes) === 'png' && bytes[PNG_COLOUR_TYPE] === 0)
  const wide = wordsOf(data)
  const grey = new Uint8Array(width * height)
  for (let i = 0; i < grey.length; i++) grey[i] = isClipped ? Math.min(255, wide[i * channels]!) : wide[i * channels]! >> 8
  return spread({ data: grey, info: { width, height, channels: 1 } })
}

/** Where a PNG says what its channels are: 0 for grey alone. */
const PNG_COLOUR_TYPE = 25

/** Pillow's cmyk2rgb: (255 − ink) · (255 − black) / 255 in its own rounding. */
function fromCmyk({ data, info }: Raw): Pixels {
  const { width, height, channels } = info
  const rgb = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    const light = 255 - data[from + 3]!
    for (let c = 0; c < 3; c++) {
      const product = data[from + c]! * light + 128
      rgb[to + c] = Math.max(0, light - (((product >> 8) + product) >> 8))
    }
  }
  return { data: rgb, width, height }
}

/** The message of libvips in the reader's words. */
function reasonOf(message: string): string {
  if (/pixel limit/i.test(message)) return `it has more than ${MAX_PIXELS / 1e6} million pixels`
  if (/channel limit/i.test(message)) return `it has more than ${MAX_CHANNELS} channels`
  if (message.startsWith('its colours')) return message
  if (/trunc|premature|end of (file|data|stream|input)|unexpected end|eof|not enough data|read error|too short/i.test(message))
    return 'the file is truncated'
  const first = message.trim().split('\n')[0] ?? ''
  if (/not (configured|supported)/i.test(first)) return `it is of a kind that cannot be read (${first})`
  return `its data are damaged (${first})`
}
