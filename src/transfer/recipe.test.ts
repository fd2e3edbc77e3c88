/** @file The stages that settings ask for. */
import { describe, expect, it } from 'vitest'
import { application } from '../applications/index.ts'
import { autoName, conv2d } from '../layers/index.ts'
import { buildClassifierModel, freezeUpTo } from './classifier-model.ts'
import { checkLayerDecay, ratesByDepth, stagesFor, type RecipeOptions } from './recipe.ts'

const rows: readonly [RecipeOptions, readonly (readonly [string, string | undefined, number | 'schedule'])[]][] = [
  [{}, [['head', undefined, 0.001]]],
  [{ learningRate: 0.01 }, [['head', undefined, 0.01]]],
  [
    { unfreezeFrom: 'conv_pw_13' },
    [
      ['head', undefined, 0.001],
      ['fine-tune', 'conv_pw_13', 0.0001],
    ],
  ],
  [{ unfreezeFrom: 'all', weights: 'none' }, [['all', 'all', 0.001]]],
  [
    { recipe: 'fine-tune' },
    [
      ['head', undefined, 0.001],
      ['fine-tune', 'conv_pw_11', 'schedule'],
    ],
  ],
]

describe('stagesFor', () => {
  it.each(rows)('%j', (options, expected) => {
    const found = stagesFor('mobilenet', options, 10)
    expect(found.map(({ name, from, learningRate }) => [name, from, typeof learningRate === 'number' ? learningRate : 'schedule'])).toEqual(
      expected,
    )
  })

  it('warms up over a tenth of the steps and falls to nothing', () => {
    const rate = stagesFor('mobilenet', { recipe: 'fine-tune', learningRate: 0.01, epochs: 4 }, 25)[1]?.learningRate
    if (typeof rate !== 'object') throw new Error('expected a schedule')
    expect([0, 5, 10, 55, 100].map((step) => rate.at(step))).toEqual([0, 0.005, 0.01, expect.closeTo(0.005, 6), expect.closeTo(0, 9)])
  })

  it.each(['vgg16', 'vgg19', 'resnet50', 'inceptionV3', 'xception', 'mobilenet'])('names a layer of %s', async (network) => {
    const base = await application(network, { includeTop: false, weights: null })
    const from = stagesFor(network, { recipe: 'fine-tune' }, 1)[1]?.from ?? ''
    const place = base.layers.indexOf(base.getLayer(from))
    expect(place / base.layers.length).toBeGreaterThan(0.7)
    expect(place / base.layers.length).toBeLessThan(0.95)
  })

  it('names a layer that a run of InceptionV3 has in any session, whose own names go on', async () => {
    const [before] = [autoName('Conv2D'), conv2d({ filters: 1, kernelSize: 1 })]
    const from = stagesFor('inceptionV3', { recipe: 'fine-tune' }, 1)[1]?.from
    const { base } = await buildClassifierModel({ network: 'inceptionV3', alpha: 1, size: 75, head: 'none', classes: ['a', 'b'] }, null)
    freezeUpTo(base, from, true)
    const mixed8 = base.layers.indexOf(base.getLayer('mixed8'))
    expect(base.layers.findIndex(({ trainable }) => trainable)).toBe(mixed8 + 1)
    const numberOf = (name: string): number => Number(name.split('_')[1] ?? 0)
    expect(numberOf(autoName('Conv2D'))).toBe(numberOf(before) + 2)
  })

  it.each([
    [{ recipe: 'finetune' as 'fine-tune' }, /Unknown recipe "finetune"/],
    [{ recipe: 'fine-tune' as const, weights: 'none' }, /found random weights/],
    [{ layerDecay: 2 }, /Invalid layerDecay: found 2/],
  ])('refuses %j', (options, says) => {
    expect(() => stagesFor('mobilenet', options, 1)).toThrow(says)
  })
})

describe('checkLayerDecay', () => {
  const check = (options: RecipeOptions): void => checkLayerDecay(stagesFor('mobilenet', options, 1), options.layerDecay)

  it.each<[RecipeOptions, RegExp]>([
    [{ layerDecay: 0.9 }, /Cannot use layerDecay: only the head trains, expected layers of a pretrained network that train/],
    [{ layerDecay: 0.9, weights: 'none' }, /only the head trains/],
    [{ layerDecay: 0.9, weights: 'none', unfreezeFrom: 'all' }, /the weights are random/],
  ])('refuses %j', (options, says) => expect(() => check(options)).toThrow(says))

  it.each<RecipeOptions>([
    { layerDecay: 1 },
    {},
    { layerDecay: 0.9, recipe: 'fine-tune' },
    { layerDecay: 0.9, unfreezeFrom: 'conv_pw_13' },
  ])('takes %j', (options) => expect(() => check(options)).not.toThrow())
})

describe('ratesByDepth', () => {
  it('falls from the head downwards', () => {
    expect(ratesByDepth(['a', 'b', 'head'], 0.5)).toEqual({ a: 0.25, b: 0.5, head: 1 })
    expect(ratesByDepth(['a', 'head'], 1)).toEqual({})
  })
})
