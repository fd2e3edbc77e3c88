/** @file Places for the photos of a pass, used again and again: memory that nobody touched yet costs 0.5 ms for a photo of 299 px. */
import { RootstockError } from '../errors.ts'
import { showShape, sizeOf, stack, type Shape, type Tensor } from '../tensor/index.ts'

/** Where the photos of a pass are put. */
export interface PhotoSlots {
  /** The place of the n-th photo; it is that of photo n + `count` as well. */
  at(nth: number): Float32Array
  /** Photos as one tensor; a view where they lie one after the other. */
  batch(photos: readonly Tensor<'float32'>[]): Tensor<'float32'>
  /** The photo in memory of its own, so that it outlives its place. */
  kept(photo: Tensor<'float32'>): Tensor<'float32'>
}

/** Places for `count` photos of one shape, which other threads can read where they are `shared`. */
export function photoSlots(count: number, shape: Shape, shared = false): PhotoSlots {
  const width = sizeOf(shape)
  const all = newNumbers(count, shape, shared)
  return {
    at: (nth) => all.subarray((nth % count) * width, ((nth % count) + 1) * width),
    batch(photos) {
      const begin = (photos[0]?.data.byteOffset ?? 0) / all.BYTES_PER_ELEMENT
      const isNext = ({ data }: Tensor<'float32'>, i: number): boolean =>
        data.buffer === all.buffer && data.length === width && data.byteOffset / all.BYTES_PER_ELEMENT === begin + i * width
      if (!photos.every(isNext)) return stack(photos)
      return { data: all.subarray(begin, begin + photos.length * width), shape: [photos.length, ...shape], dtype: 'float32' }
    },
    kept: (photo) => (photo.data.buffer === all.buffer ? { ...photo, data: photo.data.slice() } : photo),
  }
}

function newNumbers(count: number, shape: Shape, shared: boolean): Float32Array {
  const bytes = count * sizeOf(shape) * Float32Array.BYTES_PER_ELEMENT
  try {
    return new Float32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const found = `Cannot read photos: found the shape ${showShape(shape)} for each, expected one of which ${count} fit into memory`
    throw new RootstockError('SHAPE', found, { hint: 'Choose a smaller size of the input', cause: error })
  }
}
