/** @file Weight files of three generations, read and matched. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { matchWeights, openWeightFile, requireMatch } from './index.ts'
import type { ExpectedLayer, FileLayer, WeightFile, WeightMatch } from './index.ts'
import { isAutoName, isLegacyResNet50, leafOf, nextAddress, resNet50Name, snakeCase } from './weight-names.ts'

interface Golden {
  layers: [name: string, className: string, ...rest: unknown[]][]
  weights: [path: string, shape: number[], ...rest: unknown[]][]
}

/** What a network expects, from Keras's own list of its layers and weights. */
function expectedOf(golden: string): ExpectedLayer[] {
  const { layers, weights } = (JSON.parse(readFileSync(`test/golden/${golden}.json`, 'utf8')) as { top: Golden }).top
  const classes = new Map(layers.map(([name, className]) => [name, className]))
  const result = new Map<string, Omit<ExpectedLayer, 'place'>>()
  for (const [path, shape] of weights) {
    const layer = path.slice(0, path.lastIndexOf('/'))
    const before = result.get(layer)?.weights ?? []
    result.set(layer, { layer, className: classes.get(layer) ?? '', weights: [...before, { path, shape }] })
  }
  return flat([...result.values()])
}

/** The layers of a model without nested ones. */
function flat(layers: readonly Omit<ExpectedLayer, 'place'>[]): ExpectedLayer[] {
  const counts = new Map<string, number>()
  return layers.map((layer) => {
    const address = nextAddress(counts, layer.className)
    return { ...layer, place: { address, functionalAddress: address, names: [layer.layer], isNamed: true } }
  })
}

/** A file in memory that holds these layers; every tensor reads as its own name's place. */
function fileOf(
  layers: readonly ExpectedLayer[],
  kind: WeightFile['kind'] = 'keras-weights',
): { kind: WeightFile['kind']; layers: FileLayer[] } {
  const weight = (name: string, shape: readonly number[]) => ({
    name,
    shape,
    read: () => ({ data: new Float32Array(0), shape, dtype: 'float32' as const }),
  })
  return {
    kind,
    layers: layers.map(({ layer, weights }) => ({ name: layer, weights: weights.map(({ path, shape }) => weight(path, shape)) })),
  }
}

const pairsOf = (match: ReturnType<typeof matchWeights>): [string, string][] =>
  match.assignments.map(({ path, fileName }) => [path, fileName])

describe('openWeightFile', () => {
  test('reads the transfer model alike from Keras 3 weights and from a whole-model file', () => {
    const modern = openWeightFile('test/golden/transfer.weights.h5')
    const whole = openWeightFile('test/golden/transfer.h5')
    const { weights } = JSON.parse(readFileSync('test/golden/files.json', 'utf8')) as {
      weights: Record<string, { shape: number[]; first: number[] }>
    }
    expect([modern.kind, whole.kind]).toEqual(['keras3-weights', 'keras-model'])
    expect(whole.kerasVersion).toBe('3.15.1')
    expect(whole.modelConfig).toMatchObject({ class_name: 'Functional' })
    expect(Object.getPrototypeOf(whole.modelConfig)).toBeNull()
    expect([modern.optimizer.length, whole.optimizer.length]).toEqual([10, 10])
    const match = matchWeights(modern, expectedIn(whole))
    expect(match.problems).toEqual([])
    expect(match.assignments).toHaveLength(139)
    const values = new Map(match.assignments.map(({ path, read }) => [path, read()]))
    for (const { weights: own } of whole.layers) for (const { name, read } of own) expect(values.get(name)).toEqual(read())
    for (const [path, { shape, first }] of Object.entries(weights)) {
      expect(values.get(path)?.shape).toEqual(shape)
      first.forEach((value, i) => expect(values.get(path)?.data[i]).toBeCloseTo(value, 6))
    }
    modern.close()
    whole.close()
  })

  test('reads Keras 2 files, also with split lists, and leaves out layers without weights', () => {
    for (const name of ['keras2', 'keras2-split']) {
      const file = openWeightFile(`test/fixtures/hdf5/${name}.h5`)
      expect(file.kind).toBe('keras-weights')
      expect(file.layers.map((layer) => layer.name)).toEqual(['conv1', 'bn1', 'dense_2'])
      expect([...(file.layers[0]?.weights[1]?.read().data ?? [])]).toEqual([0, 1, 2, 3])
      file.close()
    }
  })

  test('keeps names such as __proto__ as names', () => {
    const file = openWeightFile('test/fixtures/hdf5/keras3-proto.weights.h5')
    expect(file.layers.map(({ name }) => name)).toEqual(['__proto__', 'constructor'])
    file.close()
  })

  test.each([
    ['types', 'no Keras weights in it'],
    ['keras2-names-outside', 'it lists the layer "../conv1" but does not have it'],
  ])('refuses %s', (name, text) => {
    expect(() => openWeightFile(`test/fixtures/hdf5/${name}.h5`)).toThrow(text)
  })

  test('refuses values that are not finite when they are read', () => {
    const file = openWeightFile('test/fixtures/hdf5/keras2-nan.h5')
    expect(() => file.layers[0]?.weights[0]?.read()).toThrow('"/conv1/conv1/kernel:0" [2] holds NaN, expected finite numbers')
    file.close()
  })
})

/** A file's own layers as a network. */
function expectedIn(file: WeightFile): ExpectedLayer[] {
  const config = file.modelConfig as { config: { layers: { name: string; class_name: string }[] } }
  const classes = new Map(config.config.layers.map((layer) => [layer.name, layer.class_name]))
  return flat(
    file.layers.map(({ name, weights }) => ({
      layer: name,
      className: classes.get(name) ?? '',
      weights: weights.map((weight) => ({ path: weight.name, shape: weight.shape })),
    })),
  )
}

describe('matchWeights', () => {
  const networks = ['VGG16', 'VGG19', 'ResNet50', 'InceptionV3', 'Xception', 'MobileNet', 'MobileNet_0.25']

  test.each(networks)('%s takes its own file, whatever numbers Keras gave to its layers', (network) => {
    const expected = expectedOf(`application_${network}`)
    const shifted = expected.map((layer) => (isAutoName(layer.layer, layer.className) ? { ...layer, layer: shift(layer.layer) } : layer))
    for (const kind of ['keras-weights', 'keras-model'] as const) {
      const match = matchWeights(fileOf(shifted, kind), expected)
      expect(match.problems).toEqual([])
      expect(match.rows).toHaveLength(expected.reduce((sum, { weights }) => sum + weights.length, 0))
      for (const [path, fileName] of pairsOf(match)) {
        const layer = path.slice(0, path.lastIndexOf('/'))
        const className = expected.find((candidate) => candidate.layer === layer)?.className ?? ''
        expect(fileName.slice(0, fileName.lastIndexOf('/'))).toBe(isAutoName(layer, className) ? shift(layer) : layer)
      }
    }
  })

  test.each(networks.flatMap((a) => networks.filter((b) => a !== b).map((b) => [a, b] as const)))(
    'the file of %s is refused by %s',
    (a, b) => {
      const match = matchWeights(fileOf(expectedOf(`application_${a}`)), expectedOf(`application_${b}`))
      expect(match.problems.length).toBeGreaterThan(0)
      expect(() => requireMatch(match, { name: 'a.h5' }, b)).toThrow(/^Cannot load a\.h5 into .*: \d+ of \d+ tensors do not fit: .+ .+$/u)
    },
  )

  test('a permuted order within a layer is repaired by name', () => {
    const file = openWeightFile('test/fixtures/hdf5/keras2-permuted.h5')
    const bn = ['gamma', 'beta', 'moving_mean', 'moving_variance']
    const expected = flat([
      { layer: 'conv1', className: 'Conv2D', weights: [{ path: 'conv1/kernel', shape: [2, 2, 3, 4] }, { path: 'conv1/bias', shape: [4] }] }, // prettier-ignore
      { layer: 'bn1', className: 'BatchNormalization', weights: bn.map((name) => ({ path: `bn1/${name}`, shape: [4] })) },
      { layer: 'dense_2', className: 'Dense', weights: [{ path: 'dense_2/kernel', shape: [4, 2] }, { path: 'dense_2/bias', shape: [2] }] }, // prettier-ignore
    ])
    const match = matchWeights(file, expected)
    expect(match.problems).toEqual([])
    bn.forEach((name, i) => {
      expect(match.assignments.find(({ path }) => path === `bn1/${name}`)?.read().data[0]).toBe(i)
    })
    file.close()
  })

  test('a nested model, stored as one layer with trainable weights first, is taken apart', () => {
    const file = openWeightFile('test/fixtures/hdf5/keras2-nested.h5')
    expect(file.layers.map(({ name, weights }) => [name, weights.length])).toEqual([
      ['conv1', 2],
      ['bn1', 4],
      ['head', 2],
    ])
    expect(file.layers[1]?.weights.map(({ name, read }) => [name, read().data[0]])).toEqual([
      ['bn1/gamma:0', 0],
      ['bn1/beta:0', 1],
      ['bn1/moving_mean:0', 2],
      ['bn1/moving_variance:0', 3],
    ])
    file.close()
  })

  test('numbered layers in a permuted order, as of a half-frozen nested model, go where their numbers say', () => {
    const expected = expectedOf('application_InceptionV3')
    const shifted = expected.map((layer) => (isAutoName(layer.layer, layer.className) ? { ...layer, layer: shift(layer.layer) } : layer))
    const match = matchWeights(fileOf([...shifted.slice(200), ...shifted.slice(0, 200)]), expected)
    expect(match.problems).toEqual([])
    expect(match.assignments).toHaveLength(378)
    for (const [path, fileName] of pairsOf(match)) {
      const [layer = '', weight] = path.split('/')
      expect(fileName).toBe(`${layer === 'predictions' ? layer : shift(layer)}/${weight}`)
    }
  })

  const small: ExpectedLayer[] = flat([
    { layer: 'a', className: 'Dense', weights: [{ path: 'a/kernel', shape: [4, 2] }, { path: 'a/bias', shape: [2] }] }, // prettier-ignore
    { layer: 'b', className: 'Dense', weights: [{ path: 'b/kernel', shape: [2, 3] }] },
  ])
  const other: ExpectedLayer[] = flat([
    { layer: 'a', className: 'Dense', weights: [{ path: 'a/kernel', shape: [4, 2] }, { path: 'a/bias', shape: [3] }] }, // prettier-ignore
    { layer: 'c', className: 'Dense', weights: [{ path: 'c/kernel', shape: [9] }] },
  ])

  test('every difference is a row', () => {
    const { problems, rows } = matchWeights(fileOf(other), small)
    expect(rows).toHaveLength(4)
    expect(problems.map(({ layer, weight, status }) => [layer, weight, status])).toEqual([
      ['a', 'bias', 'shape'],
      ['b', 'kernel', 'missing'],
      ['c', 'kernel', 'unexpected'],
    ])
  })

  test('byName leaves other layers alone, skipMismatch other shapes', () => {
    expect(matchWeights(fileOf(other), small, { byName: true }).problems.map(({ status }) => status)).toEqual(['shape'])
    const match = matchWeights(fileOf(other), small, { byName: true, skipMismatch: true })
    expect(match.problems).toEqual([])
    expect(pairsOf(match)).toEqual([['a/kernel', 'a/kernel']])
  })

  test('byName takes a nested model for one layer, as Keras does', () => {
    const weights = (layer: string): { path: string; shape: number[] }[] => [{ path: `${layer}/kernel`, shape: [2, 2] }]
    const inside = (model: string, layer: string): ExpectedLayer => {
      const place = { address: `functional/dense`, functionalAddress: 'functional/dense', names: [model, layer], isNamed: true }
      return { layer, className: 'Dense', weights: weights(layer), place }
    }
    const outside = flat([{ layer: 'a', className: 'Dense', weights: weights('a') }])
    const pairs = (file: readonly ExpectedLayer[], expected: readonly ExpectedLayer[], skipMismatch = false): unknown => {
      const [{ kind, layers }] = [fileOf(file)]
      const found = layers.map((layer, i) => ({ ...layer, paths: [file[i]?.place.names.join('/') ?? ''] }))
      const match = matchWeights({ kind, layers: found }, expected, { byName: true, skipMismatch })
      return [pairsOf(match).map(([path, from]) => `${path} < ${from}`), match.problems.length, match.mismatched.length]
    }
    expect(pairs(outside, [inside('base', 'a')])).toEqual([[], 0, 0])
    expect(pairs([inside('base', 'a')], outside)).toEqual([[], 0, 0])
    expect(pairs([inside('other', 'a')], [inside('base', 'a')])).toEqual([[], 0, 0])
    // Automatic names of another session: by their order.
    expect(pairs([inside('base', 'dense_7')], [inside('base', 'dense')])).toEqual([['dense/kernel < dense_7/kernel'], 0, 0])
    const two = [inside('base', 'a'), inside('base', 'b')]
    expect(pairs([inside('base', 'a')], two)).toEqual([['a/kernel < a/kernel'], 1, 0])
    expect(pairs([inside('base', 'a')], two, true)).toEqual([[], 0, 3])
  })

  test.each([
    ['keras-weights', ['d/bias']],
    ['keras3-weights', []],
  ] as const)('skipMismatch with a kernel of another shape leaves of the layer what Keras does, in %s', (kind, taken) => {
    const denseOf = (inputs: number): ExpectedLayer[] =>
      flat([{ layer: 'd', className: 'Dense', weights: [{ path: 'd/kernel', shape: [inputs, 3] }, { path: 'd/bias', shape: [3] }] }]) // prettier-ignore
    const match = matchWeights(fileOf(denseOf(4), kind), denseOf(5), { skipMismatch: true })
    expect([match.problems, match.assignments.map(({ path }) => path)]).toEqual([[], taken])
  })

  test.each(['keras-weights', 'keras3-weights'] as const)('skipMismatch leaves layers with other weights alone, in %s', (kind) => {
    const norm = (...names: string[]): ExpectedLayer[] =>
      flat([{ layer: 'n', className: 'BatchNormalization', weights: names.map((name) => ({ path: `n/${name}`, shape: [4] })) }])
    const [whole, unscaled] = [norm('gamma', 'beta', 'moving_mean'), norm('beta', 'moving_mean')]
    const match = matchWeights(fileOf(whole, kind), unscaled, { skipMismatch: true })
    expect([match.problems, match.assignments]).toEqual([[], []])
    const { problems } = matchWeights(fileOf(whole, kind), unscaled)
    expect(problems.map(({ weight, status }) => [weight, status])).toEqual([['gamma', 'unexpected']])
  })

  test.each([
    ['keras-weights', ['b/kernel', 'c/kernel'], []],
    ['keras3-weights', [], ['a/bias', 'b/kernel', 'c/kernel']],
  ] as const)('skipMismatch leaves layers that one side lacks alone where Keras does, in %s', (kind, problems, left) => {
    const namesOf = (rows: WeightMatch['rows']): string[] => rows.map(({ layer, weight }) => `${layer}/${weight}`)
    const match = matchWeights(fileOf(other, kind), small, { skipMismatch: true })
    expect(namesOf(match.problems)).toEqual(problems)
    expect(pairsOf(match)).toEqual([['a/kernel', 'a/kernel']])
    if (problems.length === 0) expect(namesOf(match.mismatched)).toEqual(left)
  })

  test('a layer with the automatic name of another class is not taken for it in a file without names', () => {
    const expected = flat([
      { layer: 'dense', className: 'BatchNormalization', weights: [{ path: 'dense/gamma', shape: [4] }] },
      { layer: 'head', className: 'Dense', weights: [{ path: 'head/kernel', shape: [4] }] },
    ])
    const weight = { name: '0', shape: [4], read: () => ({ data: new Float32Array(4), shape: [4], dtype: 'float32' as const }) }
    const layers = ['batch_normalization', 'dense'].map((address) => ({ name: address, address, weights: [weight] }))
    expect(pairsOf(matchWeights({ kind: 'keras3-weights', layers }, expected))).toEqual([
      ['dense/gamma', 'batch_normalization/0'],
      ['head/kernel', 'dense/0'],
    ])
  })

  test('the legacy ResNet50 file, whose layers have other names and another order, is loaded right', () => {
    const expected = expectedOf('application_ResNet50')
    const legacy = expected.map((layer) => ({ ...layer, layer: legacyName(layer.layer) })).reverse()
    const file = fileOf(legacy)
    expect(isLegacyResNet50(file.layers)).toBe(true)
    const match = matchWeights(file, expected)
    expect(match.problems).toEqual([])
    expect(match.assignments).toHaveLength(320)
    expect(pairsOf(match).filter(([path, fileName]) => path !== fileName)).toEqual([])
  })
})

const release = '../shared/data/weights/mobilenet_0.25_224'
test.skipIf(!existsSync(release))(`needs ${release}: the published MobileNets fit their network`, () => {
  const expected = expectedOf('application_MobileNet_0.25')
  const file = openWeightFile(`${release}/mobilenet_v1_0.25_224.h5`)
  const match = matchWeights(file, expected)
  expect(match.problems).toEqual([])
  expect(match.assignments).toHaveLength(137)
  file.close()
  const noTop = openWeightFile(`${release}/mobilenet_2_5_224_tf_no_top.h5`)
  expect(matchWeights(noTop, expected).problems.map(({ layer, status }) => [layer, status])).toEqual([
    ['conv_preds', 'missing'],
    ['conv_preds', 'missing'],
  ])
  noTop.close()
})

test.each([
  ['conv1/kernel:0', 'kernel'],
  ['block1_conv1_W_1:0', 'kernel'],
  ['block1_conv1_b:0', 'bias'],
  ['bn_conv1_running_std:0', 'moving_variance'],
  ['block2_sepconv1/depthwise_kernel', 'depthwise_kernel'],
  ['0', undefined],
  ['a/web', undefined],
])('leafOf %s is %s', (name, leaf) => expect(leafOf(name)).toBe(leaf))

test.each([
  ['BatchNormalization', 'batch_normalization'],
  ['Conv2D', 'conv2d'],
  ['DepthwiseConv2D', 'depthwise_conv2d'],
  ['ReLU', 're_lu'],
  ['ZeroPadding2D', 'zero_padding2d'],
  ['InputLayer', 'input_layer'],
])('snakeCase %s is %s', (name, snake) => expect(snakeCase(name)).toBe(snake))

test.each([
  ['res2a_branch1', 'conv2_block1_0_conv'],
  ['bn3b_branch2a', 'conv3_block2_1_bn'],
  ['res4f_branch2c', 'conv4_block6_3_conv'],
  ['bn_conv1', 'conv1_bn'],
  ['fc1000', 'predictions'],
])('resNet50Name %s is %s', (legacy, name) => expect(resNet50Name(legacy)).toBe(name))

/** "conv2d" as if 95 convolutions had been built before. */
function shift(name: string): string {
  const match = /^(.*?)(?:_(\d+))?$/u.exec(name)
  return `${match?.[1]}_${Number(match?.[2] ?? 0) + 95}`
}

/** The inverse of `resNet50Name`, written down on its own. */
function legacyName(name: string): string {
  if (name === 'conv1_conv') return 'conv1'
  if (name === 'conv1_bn') return 'bn_conv1'
  if (name === 'predictions') return 'fc1000'
  const [, stage, block, part, kind] = /^conv(\d)_block(\d)_(\d)_(conv|bn)$/u.exec(name) ?? []
  const branch = part === '0' ? '1' : `2${'abc'.charAt(Number(part) - 1)}`
  return `${kind === 'bn' ? 'bn' : 'res'}${stage}${'abcdef'.charAt(Number(block) - 1)}_branch${branch}`
}
