/** @file A picture in both forms in which people open it: SVG, and the PNG that is made of it. */
import type * as resvgJs from '@resvg/resvg-js'
import { createRequire } from 'node:module'

/** The same picture twice; both are whole files. */
export interface Picture {
  /** A whole document. */
  readonly svg: string
  /** The same as PNG. */
  readonly png: Uint8Array
}

/** Pixels with alpha, four bytes each, rows from the top. */
export interface Raster {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/**
 * PNG files must have text on machines without any font (containers), and resvg reads TrueType only, so the font comes from npm.
 * DejaVu Sans is free to embed, covers Latin, Greek, Cyrillic, Hebrew, Arabic and the signs used here, and Graphviz knows its widths.
 * The fontsource packages are smaller, but hold WOFF files, which resvg does not open.
 */
const FONT_FILES = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'] as const

/** Everything outside the scripts of DejaVu Sans is looked for in the fonts of the machine, which takes longer and differs by machine. */
const NEEDS_SYSTEM_FONTS =
  /[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Common}\p{Script=Inherited}]|[\u3000-\u30ff\uff00-\uffef\u{1f000}-\u{1ffff}]/u

/** Two pixels a unit look sharp on any screen; from this side on there are fewer, but one while any program opens it. */
const SCALE = 2
const SHARP_SIDE = 16_384
const MOST_SIDE = 65_000
const MOST_PIXELS = 64_000_000

/**
 * The picture in both forms. The PNG has two pixels for a unit of the SVG, one when a side would pass 16,384, fewer past 65,000.
 * It is made when it is first read: that of a large network takes seconds and hundreds of megabytes, and many want the SVG alone.
 */
export function picture(svg: string): Picture {
  let made: Uint8Array | undefined
  return {
    svg,
    get png() {
      return (made ??= draw(svg, SCALE).asPng())
    },
  }
}

/** The SVG as pixels, `scale` of them for a unit. */
export function rasterize(svg: string, scale: number): Raster {
  const { pixels, width, height } = draw(svg, scale)
  return { data: pixels, width, height }
}

/** Most commands draw nothing, and its library is native code. */
const loadResvg = (): typeof resvgJs => createRequire(import.meta.url)('@resvg/resvg-js') as typeof resvgJs

function draw(svg: string, scale: number): ReturnType<resvgJs.Resvg['render']> {
  const { Resvg } = loadResvg()
  const resvg = new Resvg(svg, { fitTo: { mode: 'zoom', value: scale }, font: fonts(svg), logLevel: 'off' })
  const side = Math.max(resvg.width, resvg.height)
  const most = Math.min(scale, Math.max(1, SHARP_SIDE / side), MOST_SIDE / side, Math.sqrt(MOST_PIXELS / (resvg.width * resvg.height)))
  if (most === scale) return resvg.render()
  return new Resvg(svg, { fitTo: { mode: 'zoom', value: most }, font: fonts(svg), logLevel: 'off' }).render()
}

function fonts(svg: string): { fontFiles: string[]; defaultFontFamily: string; sansSerifFamily: string; loadSystemFonts: boolean } {
  const { resolve } = createRequire(import.meta.url)
  const family = 'DejaVu Sans'
  return {
    fontFiles: FONT_FILES.map((file) => resolve(`dejavu-fonts-ttf/ttf/${file}`)),
    defaultFontFamily: family,
    sansSerifFamily: family,
    loadSystemFonts: NEEDS_SYSTEM_FONTS.test(svg),
  }
}
