/** @file Pillow's resampling, exact to the last bit: its two passes and their order (`ImagingResampleInner` of its `Resample.c`). */
import type { Pixels } from './pixels.ts'
import { kernelPasses } from './resample-kernel.ts'
import { loops, type Lines } from './resample-loops.ts'
import { coefficients, type Coefficients, type FilterName } from './resample-weights.ts'

/** A part of a picture, in whole pixels. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

interface Target {
  readonly width: number
  readonly height: number
  readonly filter: FilterName
}

/**
 * Pillow's ImagingResampleInner: one pass across and one down, each rounded to bytes; a pass that would change nothing is left out.
 * Across goes first, unless the height shrinks by more than twice as many pixels as the width (Pillow 13; earlier ones never
 * swap the passes, which differs by one step in some values of tall pictures). Pillow compares whole pictures, not the crop.
 */
export function resample(pixels: Pixels, box: Box, { width, height, filter }: Target): Pixels {
  const isAcross = width !== pixels.width || box.width !== width
  const isDown = height !== pixels.height || box.height !== height
  const across = coefficients(pixels.width, { start: box.left, length: box.width, count: width }, filter)
  const down = coefficients(pixels.height, { start: box.top, length: box.height, count: height }, filter)
  if (!isDown) return resampleAcross(pixels, across, { first: 0, last: pixels.height })
  if (!isAcross) return resampleDown(pixels, down, 0)
  const shrinks = pixels.height - height
  if (shrinks > 0 && shrinks > 2 * (pixels.width - width)) {
    return resampleAcross(resampleDown(pixels, down, 0), across, { first: 0, last: height })
  }
  const first = down.starts[0]!
  const last = down.starts[height - 1]! + down.counts[height - 1]!
  return resampleDown(resampleAcross(pixels, across, { first, last }), down, first)
}

function resampleAcross(pixels: Pixels, across: Coefficients, lines: Lines): Pixels {
  return kernelPasses()?.across(pixels, across, lines) ?? loops.across(pixels, across, lines)
}

function resampleDown(pixels: Pixels, down: Coefficients, first: number): Pixels {
  return kernelPasses()?.down(pixels, down, first) ?? loops.down(pixels, down, first)
}
