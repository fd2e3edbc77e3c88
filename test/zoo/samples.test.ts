import { existsSync, readdirSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodePredictions, mobilenet, preprocessInput } from '../../src/applications/index.ts'
import { load, type Interpolation } from '../../src/image/index.ts'
import { stack } from '../../src/tensor/index.ts'
import type { Model } from '../../src/training/index.ts'

const data = new URL('../../../shared/data/', import.meta.url).pathname
const photos = `${data}imagenet-samples/images/`
const folder = `${data}weights/mobilenet_0.25_224/`
const withTop = `${folder}mobilenet_v1_0.25_224.h5`
const withoutTop = `${folder}mobilenet_2_5_224_tf_no_top.h5`
const isHere = existsSync(photos) && existsSync(withTop)

/** Right at top-1 and at top-5, of 131 photos named "n01443537_goldfish.JPEG", as Keras counts them. */
const counts: readonly (readonly [Interpolation, number, number])[] = [
  ['nearest', 63, 96],
  ['bilinear', 64, 97],
]

describe.skipIf(!isHere)('released MobileNet 0.25 (needs ../shared/data/weights and imagenet-samples)', () => {
  let net: Model
  beforeAll(async () => {
    net = await mobilenet({ alpha: 0.25, weights: withTop })
  })

  test.each(counts)('names the sample photos as well as in Keras, resized by %s', async (interpolation, first, five) => {
    const names = readdirSync(photos)
    const loaded = await Promise.all(
      names.map((name) => load(`${photos}${name}`, { targetSize: [224, 224], interpolation, exif: 'ignore' })),
    )
    const found = decodePredictions(await net.predict(preprocessInput('mobilenet', stack(loaded))))
    const ranks = found.map((best, i) => best.findIndex(({ wnid }) => names[i]?.startsWith(wnid)))
    expect(names).toHaveLength(131)
    expect([ranks.filter((rank) => rank === 0).length, ranks.filter((rank) => rank >= 0).length]).toEqual([first, five])
  })

  test('has the same weights in both files', async () => {
    const base = await mobilenet({ alpha: 0.25, includeTop: false, weights: withoutTop })
    const whole = new Map(net.weights.map((weight) => [weight.path, weight.value()]))
    expect(base.weights).toHaveLength(135)
    for (const weight of base.weights) expect(weight.value().data).toEqual(whole.get(weight.path)?.data)
  })

  test.each([
    [
      'another width',
      { alpha: 0.5, weights: withTop },
      /of 137 tensors do not fit: conv1\/kernel has shape \[3,3,3,8\], expected \[3,3,3,16\]/,
    ],
    [
      'a file without the top',
      { alpha: 0.25, weights: withoutTop },
      /2 of 137 tensors do not fit: conv_preds\/kernel \[1,1,256,1000\] is not in the file/,
    ],
    [
      'other classes',
      { alpha: 0.25, classes: 10, weights: withTop },
      /2 of 137 tensors do not fit: conv_preds\/kernel has shape \[1,1,256,1000\]/,
    ],
  ])('refuses the file for %s, and lists what does not fit', async (_what, options, message) => {
    await expect(mobilenet(options)).rejects.toThrow(message)
  })
})
