import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { goldens, values } from './golden.cases.ts'
import { encodePictures, picturesOfWeight } from './images.ts'

describe('picturesOfWeight', () => {
  it.each(goldens.pictures)('shows a weight of shape $shape as Keras does', async ({ shape, size, channels, pixels }) => {
    const pictures = picturesOfWeight(values(shape))
    if (!size) return expect(pictures).toBeUndefined()
    expect(pictures?.shape.slice(1)).toEqual([size[1], size[0], channels])
    const files = await encodePictures(pictures!)
    const decoded = await Promise.all(
      files.map((file) => (channels === 1 ? sharp(file).toColourspace('b-w') : sharp(file)).raw().toBuffer({ resolveWithObject: true })),
    )
    expect(decoded.map(({ info }) => [info.width, info.height, info.channels])).toEqual(pixels?.map(() => [...size, channels]))
    expect(decoded.map(({ data }) => [...data])).toEqual(pixels)
  })

  it('covers every golden', () => expect(goldens.pictures.length).toBe(10))
})
