import { describe, expect, test } from 'vitest'
import * as layers from '../layers/index.ts'
import {
  application,
  mobilenet,
  networkNames,
  networkOf,
  preprocessInput,
  refuseWeightsTypo,
  vgg16,
  type MobileNetOptions,
} from './index.ts'
import { tensor } from '../tensor/index.ts'

/** No network is reached: the weights are looked for in an empty folder. */
const offline = async <T>(run: () => Promise<T>): Promise<T> => {
  const before = { ...process.env }
  Object.assign(process.env, { ROOTSTOCK_OFFLINE: '1', ROOTSTOCK_HOME: '/nonexistent/rootstock' })
  try {
    return await run()
  } finally {
    process.env = before
  }
}

describe('an application refuses', () => {
  const none = { weights: null } as const
  const cases: readonly (readonly [string, string, object, RegExp])[] = [
    ['an unknown network', 'resnet5', {}, /Unknown network "resnet5"/],
    ['other classes with ImageNet weights', 'vgg16', { classes: 10 }, /found classes 10, expected 1000/],
    ['another size with ImageNet weights and top', 'vgg16', { inputShape: [200, 200, 3] }, /found \[200,200,3\], expected \[224,224,3\]/],
    ['grey pictures with ImageNet weights', 'xception', { includeTop: false, inputShape: [99, 99, 1] }, /expected 3 channels/],
    [
      'another activation with pretrained weights',
      'resnet50',
      { classifierActivation: 'relu' },
      /found "relu", expected "softmax" or null/,
    ],
    ['a missing weight file', 'resnet50', { weights: '/nonexistent.h5' }, /there is no file "\/nonexistent.h5"/],
    ['weights that are no name', 'resnet50', { weights: true }, /Invalid weights: found true, expected "imagenet", "embedded" or the path/],
    ['an unknown pooling', 'vgg19', { ...none, pooling: 'sum' }, /found "sum", expected null, "avg" or "max"/],
    ['no classes', 'vgg19', { ...none, classes: 0 }, /found 0, expected a whole number of at least 1/],
    ['half a class', 'vgg19', { ...none, classes: 1.5 }, /found 1.5, expected a whole number/],
    ['a shape with a batch', 'vgg19', { ...none, inputShape: [1, 32, 32, 3] }, /expected \[height, width, channels\]/],
    ['an unknown size with the top', 'vgg19', { ...none, inputShape: [null, 32, 3] }, /expected a known height and width/],
    ['an unknown number of channels', 'vgg19', { ...none, includeTop: false, inputShape: [32, 32, null] }, /known number of channels/],
    ['half a pixel', 'vgg19', { ...none, includeTop: false, inputShape: [32.5, 32, 3] }, /height and width of at least 32/],
    ['an unknown activation', 'vgg16', { ...none, inputShape: [32, 32, 3], classifierActivation: 'softmx' }, /Unknown activation "softmx"/],
    ['the arguments of another network', 'vgg16', { ...none, alpha: 0.5 }, /Invalid argument alpha of vgg16/],
    ['an alpha of 0', 'mobilenet', { ...none, alpha: 0 }, /Invalid alpha of mobilenet: found 0/],
    ['an alpha that is no number', 'mobilenet', { ...none, alpha: NaN }, /Invalid alpha of mobilenet: found NaN/],
    ['an alpha without ImageNet weights', 'mobilenet', { alpha: 0.3 }, /found alpha 0.3, expected one of 0.25, 0.5, 0.75, 1/],
    ['a depth multiplier without ImageNet weights', 'mobilenet', { depthMultiplier: 2 }, /found depthMultiplier 2, expected 1/],
    ['half a depth multiplier', 'mobilenet', { ...none, depthMultiplier: 1.5 }, /expected a whole number of at least 1/],
    ['a dropout above 1', 'mobilenet', { ...none, dropout: 1.5 }, /found 1.5/],
  ]
  test("null where random weights are called 'none'", () => {
    expect(() => refuseWeightsTypo(null as unknown as string, ['imagenet', 'none'])).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: 'For random weights give "none"' }) as Error,
    )
  })
  test.each(cases)('%s', async (_what, name, options, message) => {
    await expect(offline(() => application(name, options as MobileNetOptions))).rejects.toThrow(message)
  })

  test.each(networkNames)('%s one pixel below its least size, and takes the least size', async (name) => {
    const { leastSize } = networkOf(name)
    const options = { weights: null, includeTop: false } as const
    await expect(application(name, { ...options, inputShape: [leastSize, leastSize - 1, 3] })).rejects.toThrow(
      `at least ${leastSize} pixels`,
    )
    await expect(application(name, { ...options, inputShape: [leastSize, leastSize, 3] })).resolves.toBeDefined()
  })
})

describe('an application', () => {
  test.each(networkNames)('%s takes any size without the top, and its own with it', async (name) => {
    const { defaultSize } = networkOf(name)
    expect((await application(name, { weights: null, includeTop: false })).input.shape).toEqual([null, null, null, 3])
    expect((await application(name, { weights: null })).input.shape).toEqual([null, defaultSize, defaultSize, 3])
  })

  test.each([
    [{}, 'mobilenet_1.00_224', [null, 224, 224, 3]],
    [{ alpha: 0.25, inputShape: [160, 160, 3] }, 'mobilenet_0.25_160', [null, 160, 160, 3]],
    [{ includeTop: false }, 'mobilenet_1.00_None', [null, null, null, 3]],
    [{ name: 'mine' }, 'mine', [null, 224, 224, 3]],
  ] as const)('is called as in Keras: %o', async (options, name, shape) => {
    const net = await mobilenet({ ...options, weights: null })
    expect([net.name, net.input.shape]).toEqual([name, shape])
  })

  test('names its pooling layers as Keras does', async () => {
    layers.clearSession()
    const last = async (name: string): Promise<string | undefined> =>
      (await application(name, { weights: null, includeTop: false, pooling: 'max' })).layers.at(-1)?.name
    expect(await last('resnet50')).toBe('max_pool')
    expect(await last('vgg16')).toBe('global_max_pooling2d')
  })

  test('is built upon a tensor of another model', async () => {
    const photo = layers.input({ shape: [40, 40, 1] })
    const colour = layers.conv2d({ filters: 3, kernelSize: 1, name: 'colour' })(photo)
    const net = await vgg16({ weights: null, includeTop: false, inputTensor: colour })
    expect(net.inputs).toEqual([photo])
    expect(net.getLayer('colour').output).toBe(colour)
  })

  test.each([
    [
      '5 channels',
      'vgg16',
      { weights: null, includeTop: false, inputShape: [32, 32, 5] },
      ['vgg16 usually takes 1 or 3 channels, inputShape has 5'],
    ],
    ['1 channel', 'vgg16', { weights: null, includeTop: false, inputShape: [32, 32, 1] }, []],
    [
      'a size without ImageNet weights of its own',
      'mobilenet',
      { includeTop: false, inputShape: [100, 100, 3] },
      ['mobilenet of 100×100 takes the ImageNet weights made for 224×224: they exist for 128, 160, 192, 224'],
    ],
    [
      'an unknown size',
      'mobilenet',
      { includeTop: false },
      ['mobilenet without a known size takes the ImageNet weights made for 224×224: they exist for 128, 160, 192, 224'],
    ],
  ])('warns of %s', async (_what, name, options, wanted) => {
    const warnings: string[] = []
    const run = offline(() => application(name, { ...options, onWarning: (message) => warnings.push(message) }))
    await run.catch((error: unknown) => expect(error).toMatchObject({ code: 'NETWORK' }))
    expect(warnings).toEqual(wanted)
  })

  test.each([
    [{ alpha: 0.25, inputShape: [160, 160, 3] }, 'mobilenet_2_5_160_tf.h5'],
    [{ includeTop: false, inputShape: [100, 100, 3], onWarning: () => undefined }, 'mobilenet_1_0_224_tf_no_top.h5'],
  ] as const)('asks for the released file of its size: %o', async (options, file) => {
    await expect(offline(() => mobilenet(options))).rejects.toThrow(`Cannot fetch ${file}`)
  })
})

test.each([
  ['InceptionV3', 'inceptionV3'],
  ['inception_v3', 'inceptionV3'],
  ['ResNet50', 'resnet50'],
  ['VGG-16', 'vgg16'],
])('networkOf %s', (name, id) => {
  expect(networkOf(name).id).toBe(id)
})

test('networkOf offers the nearest names', () => {
  expect(() => networkOf('inceptoin')).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_NAME', hint: 'Did you mean "inceptionV3" or "xception"?' }),
  )
})

test.each([
  ['vgg19', [30 - 103.939, 20 - 116.779, 10 - 123.68]],
  ['Xception', [10 / 127.5 - 1, 20 / 127.5 - 1, 30 / 127.5 - 1]],
])('preprocessInput for %s', (name, wanted) => {
  const found = preprocessInput(name, tensor([10, 20, 30], [1, 1, 1, 3]))
  wanted.forEach((value, i) => expect(found.data[i]).toBeCloseTo(value, 4))
})
