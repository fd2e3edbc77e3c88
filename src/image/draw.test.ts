/** @file The drawn animals: repeatable, varied, and not to be told apart by colour. */
import { describe, expect, it } from 'vitest'
import { drawAnimal, drawPixels, type Animal } from './draw.ts'
import { load, loadPixels } from './load.ts'

const meanColour = (kind: Animal, seed: number): number[] => {
  const { data } = drawPixels(kind, seed, 48)
  return [0, 1, 2].map((c) => data.reduce((sum, value, i) => (i % 3 === c ? sum + value : sum), 0) / (data.length / 3))
}

describe('drawAnimal', () => {
  it('gives JPEG files of the asked size', async () => {
    expect((await load(await drawAnimal('cat', 1))).shape).toEqual([160, 160, 3])
    expect((await load(await drawAnimal('dog', 1, 64))).shape).toEqual([64, 64, 3])
  })

  it('repeats itself for equal seeds only', () => {
    expect(drawPixels('dog', 7, 64)).toEqual(drawPixels('dog', 7, 64))
    expect(drawPixels('dog', 7, 64)).not.toEqual(drawPixels('dog', 8, 64))
    expect(drawPixels('dog', 7, 64)).not.toEqual(drawPixels('cat', 7, 64))
  })

  it('draws the picture that it encodes', async () => {
    const [drawn, read] = [drawPixels('cat', 3), await loadPixels(await drawAnimal('cat', 3))]
    const difference = drawn.data.reduce((sum, value, i) => sum + Math.abs(value - read.data[i]!), 0) / drawn.data.length
    expect(difference).toBeLessThan(12)
  })

  it('gives cats and dogs the same mean colour within chance', () => {
    const seeds = Array.from({ length: 60 }, (_, i) => i)
    for (const c of [0, 1, 2]) {
      const [cats, dogs] = (['cat', 'dog'] as const).map((kind) => seeds.reduce((sum, seed) => sum + meanColour(kind, seed)[c]!, 0) / 60)
      expect(Math.abs(cats! - dogs!)).toBeLessThan(25)
    }
  })

  it('refuses other animals and sizes', async () => {
    await expect(drawAnimal('cats' as Animal, 1)).rejects.toMatchObject({ code: 'UNKNOWN_NAME' })
    await expect(drawAnimal('cat', 1, 5000)).rejects.toMatchObject({ code: 'USAGE' })
  })
})
