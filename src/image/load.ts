/** @file Loads pictures as Keras's `load_img` and `img_to_array` do: the public door of this folder. */
import { RootstockError, unknownName, refuseUnknown, shownValue } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import { decode } from './decode.ts'
import { orient } from './orient.ts'
import { checkPixels, toGrey, type Pixels } from './pixels.ts'
import { readPicture } from './read.ts'
import { checkSize, INTERPOLATIONS, resize, type ResizeOptions } from './resize.ts'

/** Settings of `load` and `loadPixels`. */
export interface LoadOptions extends ResizeOptions {
  /** `[height, width]` in pixels, each from 1 to 16,384 and together at most 50 million. Default: the picture's own size. */
  readonly targetSize?: readonly [number, number]
  /** 'apply' (default) turns the picture as its EXIF data say; 'ignore' is Keras's way. */
  readonly exif?: 'apply' | 'ignore'
  /** 'rgb' (default) gives three channels, 'grayscale' one. */
  readonly colorMode?: 'rgb' | 'grayscale'
}

const OPTIONS: Readonly<Record<keyof LoadOptions, true>> = {
  targetSize: true,
  exif: true,
  colorMode: true,
  interpolation: true,
  keepAspectRatio: true,
}

const COLOR_MODES = ['rgb', 'grayscale'] as const

/**
 * A picture as a tensor of shape `[height, width, 3]` (`[height, width, 1]` for 'grayscale') with values 0 to 255.
 * The same file and settings give the values of Keras's `img_to_array(load_img(path))`, to the last bit.
 * Throws IMAGE when the file cannot be read as a picture, USAGE and UNKNOWN_NAME for wrong settings.
 *
 * @example
 * const photo = await load('cat.jpg', { targetSize: [224, 224], interpolation: 'bilinear' })
 */
export async function load(source: string | Uint8Array, options: LoadOptions = {}): Promise<Tensor<'float32'>> {
  return imgToArray(await loadPixels(source, options), options.colorMode)
}

/** As `load`, but the bytes themselves: always three channels, which are equal for 'grayscale'. */
export async function loadPixels(source: string | Uint8Array, options: LoadOptions = {}): Promise<Pixels> {
  checkOptions(options)
  checkSource(source)
  const { targetSize, exif, colorMode, ...how } = options
  const isPath = typeof source === 'string'
  const { pixels, orientation } = await decode(isPath ? await readPicture(source) : source, isPath ? source : 'the picture')
  const turned = exif === 'ignore' ? pixels : orient(pixels, orientation)
  const coloured = colorMode === 'grayscale' ? toGrey(turned) : turned
  return targetSize ? resize(coloured, targetSize, how) : coloured
}

/** The bytes as float32 values 0 to 255: shape `[height, width, 3]`, or the first channel alone for 'grayscale'. */
export function imgToArray(pixels: Pixels, colorMode: 'rgb' | 'grayscale' = 'rgb'): Tensor<'float32'> {
  checkPixels(pixels)
  checkName('colorMode', colorMode, COLOR_MODES)
  const { data, width, height } = pixels
  if (colorMode === 'rgb') return { data: new Float32Array(data), shape: [height, width, 3], dtype: 'float32' }
  const grey = new Float32Array(width * height)
  for (let i = 0; i < grey.length; i++) grey[i] = data[i * 3]!
  return { data: grey, shape: [height, width, 1], dtype: 'float32' }
}

function checkOptions(options: LoadOptions): void {
  refuseUnknown('load', options, OPTIONS)
  const { targetSize, interpolation, exif, colorMode } = options
  if (targetSize !== undefined) checkSize(targetSize)
  checkName('interpolation', interpolation, INTERPOLATIONS)
  checkName('exif', exif, ['apply', 'ignore'])
  checkName('colorMode', colorMode, COLOR_MODES)
}

function checkSource(source: unknown): void {
  if (typeof source === 'string' || source instanceof Uint8Array) return
  throw new RootstockError('USAGE', `Cannot read the picture: found ${shownValue(source)}, expected a path or the bytes of a file`, {
    hint: 'Bytes are a Uint8Array: new Uint8Array(buffer) of an ArrayBuffer; fileURLToPath(url) makes a path of a URL',
  })
}

function checkName(kind: string, found: string | undefined, valid: readonly string[]): void {
  if (found !== undefined && !valid.includes(found)) throw unknownName(kind, String(found), valid)
}
