/** @file A sheet of small pictures with captions: what the network sees, and what it says about it. */
import sharp from 'sharp'
import { RootstockError, refuseUnknown } from '../errors.ts'
import { resize, type Pixels } from '../image/index.ts'
import { rasterize, type Raster } from './picture.ts'
import { COLORS, el, svgDocument, textAt, type Child } from './svg.ts'
import { BOLD_FACTOR, shorten, textWidth, visible } from './text.ts'

/** One picture of the sheet. */
export interface SheetPicture {
  /** What is drawn. */
  readonly pixels: Pixels
  /** One or two lines below it; longer text is cut. Default none. */
  readonly caption?: string
  /** Marks it with a frame and a cross. Default false. */
  readonly wrong?: boolean
}

/** What `contactSheet` takes. */
export interface ContactSheetOptions {
  /** Pictures side by side. Default 8, fewer when there are fewer pictures. */
  readonly columns?: number
  /** Side of the square for each picture, in pixels, at least 32. Default 160. */
  readonly cell?: number
  /** Default none. */
  readonly title?: string
}

interface Place {
  readonly left: number
  readonly top: number
}

/** Where the pictures of a sheet stand, and how large it is. */
export interface SheetLayout {
  readonly columns: number
  /** Distance from one picture to the one below. */
  readonly step: { readonly x: number; readonly y: number }
  readonly top: number
  readonly width: number
  readonly height: number
}

const CELL = 160
const margin = 16
const gap = 12
const lineHeight = 16
const captionSize = 12
const mostSide = 16_384
const mostPixels = 64_000_000
const wrongColor = '#c0392b'

/**
 * The pictures row by row as a PNG file, each fitted into its square: larger ones bilinear, smaller ones as visible pixels.
 * Throws USAGE for no pictures, for columns or cells that are not whole numbers, and when the sheet would pass 64 million pixels.
 */
export async function contactSheet(pictures: readonly SheetPicture[], options: ContactSheetOptions = {}): Promise<Uint8Array> {
  refuseUnknown('contactSheet', options, { columns: true, cell: true, title: true })
  const { cell = CELL, title } = options
  const lines = pictures.reduce((most, picture) => Math.max(most, captionLines(picture, cell).length), 0)
  const layout = sheetLayout(pictures.length, lines, options)
  const { width, height } = layout
  const children = [
    title === undefined ? undefined : textAt([margin, margin + 8], shorten(title, width - 2 * margin, 16), { size: 16, bold: true }),
    pictures.map((picture, i) => frame(picture, placeOf(i, layout), cell)),
  ]
  const sheet = rasterize(svgDocument({ width, height }, title ?? 'Contact sheet', children), 1)
  pictures.forEach(({ pixels }, i) => paste(sheet, pixels, { ...placeOf(i, layout), cell }))
  return encode(sheet)
}

/** Where so many pictures with captions of so many lines stand. Throws what `contactSheet` throws, before there is any picture. */
export function sheetLayout(count: number, lines: number, { columns: wanted = 8, cell = CELL, title }: ContactSheetOptions): SheetLayout {
  const columns = Math.min(wanted, Math.max(1, count))
  check(count, columns, cell)
  const step = { x: cell + gap, y: cell + gap + (lines > 0 ? lines * lineHeight + 4 : 0) }
  const top = margin + (title === undefined ? 0 : 30)
  const width = 2 * margin + columns * step.x - gap
  const height = top + Math.ceil(count / columns) * step.y - gap + margin
  if (Math.max(width, height) > mostSide || width * height > mostPixels) {
    throw new RootstockError(
      'USAGE',
      `Cannot draw the contact sheet: ${count} pictures need ${width} · ${height} pixels, expected at most ${mostSide} a side and ${mostPixels} in all`,
      {
        hint: 'Use fewer pictures, columns or a smaller cell; on the command line smaller --photos or --views',
      },
    )
  }
  return { columns, step, top, width, height }
}

function check(count: number, columns: number, cell: number): void {
  if (count === 0) throw new RootstockError('USAGE', 'Cannot draw the contact sheet: found no pictures, expected at least one')
  if (!Number.isInteger(columns) || columns < 1)
    throw new RootstockError('USAGE', `Invalid columns: found ${columns}, expected a whole number of at least 1`)
  if (!Number.isInteger(cell) || cell < 32)
    throw new RootstockError('USAGE', `Invalid cell: found ${cell}, expected a whole number of at least 32`)
}

function placeOf(i: number, { columns, step, top }: SheetLayout): Place {
  return { left: margin + (i % columns) * step.x, top: top + Math.floor(i / columns) * step.y }
}

/** What lies around the picture: the ground, the caption, and for a wrong answer a frame and a cross, not only a colour. */
function frame(picture: SheetPicture, { left, top }: Place, cell: number): Child {
  const { wrong = false } = picture
  const color = wrong ? { fill: wrongColor, bold: true } : {}
  return [
    el('rect', { x: left, y: top, width: cell, height: cell, fill: COLORS.grid }),
    wrong
      ? el('rect', { x: left - 2, y: top - 2, width: cell + 4, height: cell + 4, fill: 'none', stroke: wrongColor, 'stroke-width': 4 })
      : undefined,
    captionLines(picture, cell).map((line, i) => textAt([left, top + cell + 12 + i * lineHeight], line, { size: captionSize, ...color })),
  ]
}

/** At most two lines, parted at blanks where the caption is too wide for one. */
function captionLines({ caption = '', wrong = false }: SheetPicture, cell: number): string[] {
  const text = `${wrong ? '✗ ' : ''}${visible(caption.slice(0, 500))}`.trim()
  const fits = (line: string): boolean => textWidth(line, captionSize, wrong) <= cell
  if (text === '') return []
  if (fits(text)) return [text]
  const words = text.split(' ')
  let taken = words.length - 1
  while (taken > 1 && !fits(words.slice(0, taken).join(' '))) taken--
  const first = words.slice(0, taken).join(' ')
  const room = wrong ? cell / BOLD_FACTOR : cell
  return [shorten(first, room, captionSize), shorten(words.slice(taken).join(' '), room, captionSize)].filter((line) => line !== '')
}

/** Copies the picture, fitted and centred, into the sheet. */
function paste(sheet: Raster, pixels: Pixels, { left, top, cell }: Place & { readonly cell: number }): void {
  const scale = cell / Math.max(pixels.width, pixels.height)
  const width = Math.max(1, Math.round(pixels.width * scale))
  const height = Math.max(1, Math.round(pixels.height * scale))
  const fitted = resize(pixels, [height, width], { interpolation: scale > 1 ? 'nearest' : 'bilinear' })
  const x = left + Math.floor((cell - width) / 2)
  const y = top + Math.floor((cell - height) / 2)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * 3
      const to = ((y + row) * sheet.width + x + column) * 4
      sheet.data.set(fitted.data.subarray(from, from + 3), to)
    }
  }
}

async function encode({ data, width, height }: Raster): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .png()
    .toBuffer()
}
