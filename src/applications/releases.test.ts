import { describe, expect, test } from 'vitest'
import { allReleases, releaseHosts, releaseOf, type ReleasedNetwork } from './releases.ts'

// Written out in full, as in Keras's source, so that the rule in releases.ts is checked against something else.
const kernels = 'weights_tf_dim_ordering_tf_kernels'
const keras: [ReleasedNetwork, boolean, string, string][] = [
  ['vgg16', true, `vgg16/vgg16_${kernels}.h5`, '64373286793e3c8b2b4e3219cbf3544b'],
  ['vgg16', false, `vgg16/vgg16_${kernels}_notop.h5`, '6d6bbae143d832006294945121d1f1fc'],
  ['vgg19', true, `vgg19/vgg19_${kernels}.h5`, 'cbe5617147190e668d6c5d5026f83318'],
  ['vgg19', false, `vgg19/vgg19_${kernels}_notop.h5`, '253f8cb515780f3b799900260a226db6'],
  ['resnet50', true, `resnet/resnet50_${kernels}.h5`, '2cb95161c43110f7111970584f804107'],
  ['resnet50', false, `resnet/resnet50_${kernels}_notop.h5`, '4d473c1dd8becc155b73f8504c6f6626'],
  ['inceptionV3', true, `inception_v3/inception_v3_${kernels}.h5`, '9a0d58056eeedaa3f26cb7ebd46da564'],
  ['inceptionV3', false, `inception_v3/inception_v3_${kernels}_notop.h5`, 'bcbd6486424b2319ff4ef7d526e38f63'],
  ['xception', true, `xception/xception_${kernels}.h5`, '0a58e3b7378bc2990ea3b43d5981f1f6'],
  ['xception', false, `xception/xception_${kernels}_notop.h5`, 'b0042744bf5b25fce3cb969f33bebb97'],
]

test.each(keras)('%s, top %s: file, address and MD5 are those of Keras', (network, includeTop, path, md5) => {
  const release = releaseOf(network, { includeTop })
  expect(release.urls[0]).toBe(`https://storage.googleapis.com/tensorflow/keras-applications/${path}`)
  expect(release.file).toBe(path.split('/')[1])
  expect(release.path).toBe(path)
  expect(release.md5).toBe(md5)
})

test.each([
  [true, undefined, undefined, 'mobilenet_1_0_224_tf.h5'],
  [false, 0.25, 224, 'mobilenet_2_5_224_tf_no_top.h5'],
  [false, 0.5, 160, 'mobilenet_5_0_160_tf_no_top.h5'],
  [true, 0.75, 128, 'mobilenet_7_5_128_tf.h5'],
])('mobilenet: top %s, alpha %s, %s rows is %s', (includeTop, alpha, rows, file) => {
  const release = releaseOf('mobilenet', { includeTop, alpha, rows })
  expect(release.urls).toEqual([
    `https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/${file}`,
    `https://github.com/fchollet/deep-learning-models/releases/download/v0.6/${file}`,
  ])
  expect(release.file).toBe(file)
  expect(release.md5).toBeUndefined()
})

test.each([
  ['vgg16', 'v0.1'],
  ['vgg19', 'v0.1'],
  ['resnet50', 'v0.2'],
  ['xception', 'v0.4'],
  ['inceptionV3', 'v0.5'],
  ['mobilenet', 'v0.6'],
] as const)('the older host has %s in release %s', (network, tag) => {
  expect(releaseOf(network, { includeTop: true }).urls[1]).toContain(`deep-learning-models/releases/download/${tag}/`)
})

test('only ResNet50 has a legacy file', () => {
  const legacy = allReleases().filter(({ legacyMd5 }) => legacyMd5 !== undefined)
  expect(legacy.map(({ network, includeTop, legacyMd5 }) => [network, includeTop, legacyMd5])).toEqual([
    ['resnet50', true, 'a7b3fe01876f51b976af0dea6bc144eb'],
    ['resnet50', false, 'a268eb855778b3df3c7506639542a6af'],
  ])
})

test('there are 42 files with 42 names, all at allowed hosts', () => {
  const releases = allReleases()
  expect(new Set(releases.map(({ file }) => file)).size).toBe(42)
  expect(releases.flatMap(({ urls }) => urls).every((url) => releaseHosts.includes(new URL(url).host))).toBe(true)
})

describe('refuses', () => {
  test.each([
    [0.3, 224],
    [1, 200],
  ])('mobilenet alpha %s with %s rows', (alpha, rows) => {
    expect(() => releaseOf('mobilenet', { includeTop: true, alpha, rows })).toThrow(`alpha is ${alpha} with ${rows} rows`)
  })

  test.each(['resnet', 'toString', '__proto__'])('the network %s', (network) => {
    expect(() => releaseOf(network as ReleasedNetwork, { includeTop: true })).toThrow(`Unknown network "${network}"`)
  })
})
