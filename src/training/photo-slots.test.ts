/** @file Photos in places that are used again. */
import { expect, it } from 'vitest'
import type { Tensor } from '../tensor/index.ts'
import { photoSlots } from './photo-slots.ts'

const shape = [1, 2, 3]
const slots = photoSlots(4, shape)
/** A photo whose numbers are all `value`. */
const put = (nth: number, value: number): Tensor<'float32'> => ({ data: slots.at(nth).fill(value), shape, dtype: 'float32' })
const valuesOf = ({ data }: Tensor<'float32'>): number[] => Array.from({ length: data.length / 6 }, (_, i) => data[i * 6]!)

it('photos that lie one after the other are a batch as they are', () => {
  const batch = slots.batch([put(1, 5), put(2, 6), put(3, 7)])
  expect(batch).toMatchObject({ shape: [3, 1, 2, 3], dtype: 'float32' })
  expect(valuesOf(batch)).toEqual([5, 6, 7])
  expect(batch.data.buffer).toBe(slots.at(0).buffer)
})

it.each([
  ['over the end', [put(3, 1), put(4, 2)]],
  ['with a gap', [put(0, 1), put(2, 2)]],
  ['from somewhere else', [put(0, 1), { data: new Float32Array(6).fill(2), shape, dtype: 'float32' as const }]],
])('others are copied: %s', (_, photos) => {
  photos.forEach(({ data }, i) => data.fill(i + 1))
  const batch = slots.batch(photos)
  expect(valuesOf(batch)).toEqual([1, 2])
  expect(batch.data.buffer).not.toBe(slots.at(0).buffer)
})

it('a photo can be kept while its place is used again', () => {
  const kept = slots.kept(put(0, 9))
  put(4, 1)
  expect(valuesOf(kept)).toEqual([9])
  const own = { data: new Float32Array(6), shape, dtype: 'float32' } as const
  expect(slots.kept(own)).toBe(own)
})

it('photos that fit into no memory are refused', () => {
  expect(() => photoSlots(4, [100_000, 100_000, 3])).toThrow(expect.objectContaining({ code: 'SHAPE' }) as Error)
})
