import { Resvg } from '@resvg/resvg-js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { flatten, input } from '../layers/index.ts'
import { Functional } from '../models/index.ts'
import { random } from '../tensor/index.ts'
import { confusionMatrix } from './confusion-matrix.ts'
import { expectHarmless, foreignText, hostileNames } from './hostile.cases.ts'
import { picture, rasterize, type Picture } from './picture.ts'
import { plotLearningRates } from './plot-learning-rates.ts'
import { plotModel } from './plot-model.ts'
import { plotTraining } from './plot-training.ts'

const flowers = ['daisy', 'dandelion', 'roses', 'sunflowers', 'tulips']

/** Curves as of a real training, the same on every machine. */
function historyOf(epochs: number, noise: number): Record<string, number[]> {
  const source = random(7)
  const curve = (from: number, to: number): number[] =>
    Array.from({ length: epochs }, (_, i) => {
      const time = (i + 1) / epochs
      return Math.round((to + (from - to) * (1 - time) ** 3 + noise * (source.uniform() - 0.5)) * 1e6) / 1e6
    })
  return {
    accuracy: curve(0.3, 0.97),
    loss: curve(2, 0.1),
    val_accuracy: curve(0.3, 0.92),
    val_loss: curve(1.9, 0.3),
    learning_rate: Array.from({ length: epochs }, (_, i) => (i < epochs / 2 ? 0.005 : 0.0005)),
  }
}

function confusionOf(count: number): number[][] {
  const source = random(3)
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (_, j) => (i === j ? 40 + source.integer(10) : Math.max(0, source.integer(12) - 8))),
  )
}

const few = historyOf(10, 0.04)
const rates = Array.from({ length: 60 }, (_, i) => 1e-6 * 10 ** (i / 10))
const losses = rates.map((_, i) => (i < 35 ? 2.3 : i < 50 ? 2.3 - 0.1 * (i - 35) : 0.8 * 2 ** (i - 50)))

/** The gallery: these files are what the pictures look like. */
const gallery: Readonly<Record<string, () => Picture>> = {
  'training-10': () => plotTraining(few, { title: 'flowers · mobilenet' }),
  'training-1': () => plotTraining({ loss: [0.7], val_loss: [0.6] }),
  'training-gaps': () => plotTraining({ loss: [3, 2, NaN, 1, Infinity, 0.5], val_loss: [3, 2.5, 2, 1.5, 1, 1] }),
  'training-spike': () => plotTraining({ loss: [3, 2, 4e6, 1, 0.8, 0.5] }),
  'training-empty': () => plotTraining({}),
  'confusion-5': () => confusionMatrix(confusionOf(5), flowers),
  'confusion-5-normalized': () => confusionMatrix(confusionOf(5), flowers, { normalized: true }),
  'confusion-50': () =>
    confusionMatrix(
      confusionOf(50),
      Array.from({ length: 50 }, (_, i) => `kind ${i}`),
    ),
  'learning-rates': () => plotLearningRates(rates, losses, { suggested: 0.01 }),
}

describe('the gallery', () => {
  test.each(Object.entries(gallery))('%s', async (name, draw) => {
    const { svg, png } = draw()
    await expect(svg).toMatchFileSnapshot(`gallery/${name}.svg`)
    expect(draw().svg).toBe(svg)
    const { width, height } = new Resvg(svg)
    expect(sizeOf(png)).toEqual([width * 2, height * 2])
  })
})

describe('plotTraining', () => {
  test('draws a star per epoch up to 60, some stars above, and means over pale values with 4,000', () => {
    const count = (svg: string, what: RegExp): number => svg.match(what)?.length ?? 0
    const star = /<path d="[^"]*Z" transform/g
    expect(count(plotTraining(few).svg, star)).toBe(4 * 10 + 10 + 4)
    expect(count(plotTraining(historyOf(400, 0.05)).svg, star)).toBe(4 * 24 + 4)
    const many = plotTraining(historyOf(4000, 0.05)).svg
    expect(many).toContain('bold: mean of 41 epochs')
    expect(count(many, /stroke-opacity="0.28"/g)).toBe(4)
    expect(many.length).toBeLessThan(200_000)
  })

  test('names the best epoch and how many values are not finite', () => {
    const { svg } = plotTraining({ loss: [2, NaN, 1, 3], val_loss: [5, 4, Infinity, 6] })
    expect(svg).toContain('best validation 4 in epoch 2 · 2 values not finite')
  })

  test('shows keys that look like members of objects', () => {
    expect(plotTraining({ constructor: [1, 2] }).svg).toContain('>constructor<')
  })

  test('draws values at the ends of the doubles', () => {
    const most = Number.MAX_VALUE
    const { svg } = plotTraining({ loss: [5e-324, 1e-320], val_loss: [-most, most], accuracy: [most, most], learning_rate: [-most, -most] })
    expect(svg).not.toMatch(/NaN|Infinity/)
  })

  test('draws any numbers', () => {
    const series = fc.array(fc.oneof(fc.double(), fc.constantFrom(0, 1, NaN, Infinity, -Infinity)), { maxLength: 40 })
    fc.assert(
      fc.property(series, series, series, (loss, val, rate) => {
        const { svg } = plotTraining({ loss, val_loss: val, learning_rate: rate })
        expect(svg).not.toMatch(/NaN|Infinity|undefined/)
      }),
      { numRuns: 20 },
    )
  }, 60_000)
})

describe('plotLearningRates', () => {
  test('cuts off the explosion at the end', () => {
    expect(plotLearningRates(rates, losses).svg).toContain('the rise at the end is cut off')
    expect(plotLearningRates([0.1, 1], [2, 1]).svg).not.toContain('cut off')
    expect(plotLearningRates([0.1, 1, Infinity], [1, 1e305, 2], { suggested: Infinity }).svg).not.toMatch(/NaN|Infinity/)
  })

  test.each([
    [[0.1], [1, 2], 'found 1 rates and 2 losses'],
    [[0], [1], 'found no positive rate'],
  ])('refuses %j with %j', (given, values, message) => {
    expect(() => plotLearningRates(given, values)).toThrow(message)
  })
})

describe('confusionMatrix', () => {
  test('shows counts or shares of the row', () => {
    const confusion = [
      [30, 10],
      [0, 0],
    ]
    expect(texts(confusionMatrix(confusion, ['cat', 'dog']).svg)).toEqual(expect.arrayContaining(['30', '10', '30 of 40 right (75.0 %)']))
    expect(texts(confusionMatrix(confusion, ['cat', 'dog'], { normalized: true }).svg)).toEqual(expect.arrayContaining(['75', '25']))
  })

  test.each([
    [40, 'Confusion matrix, test photos'],
    [41, 'Most frequent confusions, test photos'],
  ])('of %i classes says what it shows of which photos', (count, title) => {
    const names = Array.from({ length: count }, (_, i) => `class ${i}`)
    const confusion = names.map((_, i) => names.map((_, j) => Number(i === j)))
    expect(texts(confusionMatrix(confusion, names, { subject: 'test photos' }).svg)).toContain(title)
  })

  test('lists the most frequent confusions over 40 classes', () => {
    const names = Array.from({ length: 41 }, (_, i) => `k${i}`)
    const confusion = names.map((_, i) => names.map((_, j) => (i === j ? 5 : i === 3 && j === 7 ? 15 : i === 2 && j === 1 ? 2 : 0)))
    const shown = texts(confusionMatrix(confusion, names).svg)
    expect(shown).toEqual([
      'Most frequent confusions',
      '41 classes, 2 confusions occur',
      'k3',
      '→',
      'k7',
      '15 (75 %)',
      'k2',
      '→',
      'k1',
      '2 (29 %)',
    ])
    expect(
      confusionMatrix(
        names.map(() => names.map(() => 0)),
        names,
      ).svg,
    ).toContain('no photo was taken for another class')
  })

  test('refuses counts that do not fit the names', () => {
    expect(() => confusionMatrix([[1]], ['cat', 'dog'])).toThrow('found 1 rows of 1 counts, expected 2 for each of 2 classes')
    expect(() => confusionMatrix([], [])).toThrow('expected at least one')
  })
})

describe('foreign names', () => {
  test('stay text in every picture', () => {
    fc.assert(
      fc.property(fc.array(foreignText, { minLength: 2, maxLength: 4 }), foreignText, (names, title) => {
        const confusion = names.map((_, i) => names.map((_, j) => i + j))
        expectHarmless(confusionMatrix(confusion, names, { title }).svg)
        expectHarmless(plotTraining({ [title]: [1, 2], loss: [1] }, { title }).svg)
        expectHarmless(plotLearningRates([1, 2], [1, 2], { title }).svg)
      }),
      { numRuns: 8 },
    )
  }, 60_000)

  test('the worst of them stay text in a matrix and in a list', () => {
    expectHarmless(confusionMatrix(confusionOf(hostileNames.length), hostileNames).svg)
    const names = [...hostileNames, ...Array.from({ length: 30 }, (_, i) => `k${i}`)]
    expectHarmless(confusionMatrix(confusionOf(names.length), names).svg)
  })
})

describe('picture', () => {
  test('has text on machines without fonts', () => {
    const dark = (text: string): number => {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="30"><rect width="200" height="30" fill="white"/><text y="20">${text}</text></svg>`
      return rasterize(svg, 1).data.filter((value) => value < 100).length
    }
    expect(dark('daisy äß λ Ж ★ →')).toBeGreaterThan(300)
    expect(dark('')).toBe(0)
  })

  test('draws its PNG when it is first read, and once', async () => {
    expect(picture('no SVG, which no PNG can be drawn of').svg).toMatch(/^no SVG/)
    const photo = input({ shape: [8, 8, 3] })
    const drawn = [plotTraining(few), await plotModel(new Functional({ inputs: photo, outputs: flatten()(photo) }))]
    for (const shown of drawn) {
      expect(Object.getOwnPropertyDescriptor(shown, 'png')).not.toHaveProperty('value')
      expect(shown.png).toBe(shown.png)
    }
  })

  test('stays within the sizes that programs open', () => {
    const { png } = picture('<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="10"/>')
    expect(sizeOf(png)).toEqual([20_000, 10])
    expect(sizeOf(picture('<svg xmlns="http://www.w3.org/2000/svg" width="130000" height="10"/>').png)).toEqual([65_000, 5])
  })
})

function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '')
}

/** Width and height from the PNG's header. */
function sizeOf(png: Uint8Array): number[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  return [view.getUint32(16), view.getUint32(20)]
}
