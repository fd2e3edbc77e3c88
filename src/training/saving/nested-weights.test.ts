/** @file Weights of models with models in them: every tensor goes back to the layer that it came from, whatever its class and its name. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { withHdf5 } from '../../formats/keras/index.ts'
import type { H5Group } from '../../formats/keras/index.ts'
import { clearSession, layers } from '../../layers/index.ts'
import type { SymbolicTensor } from '../../layers/index.ts'
import { sizeOf, tensor } from '../../tensor/index.ts'
import { loadModel, model, type Model } from '../index.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-nested-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => clearSession())

type Step = (x: SymbolicTensor) => SymbolicTensor
const norm: Step = (x) => layers.batchNormalization()(x)
const conv: Step = (x) => layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', useBias: false })(x)
const depthwise: Step = (x) => layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', useBias: false })(x)
const dense: Step = (x) => layers.dense({ units: 4 })(x)

/** A model of these steps; called without a name, it has an automatic one. */
const nest = (steps: readonly Step[], name?: string): Model => {
  const start = layers.input({ shape: [8, 8, 4] })
  return model({ inputs: start, outputs: steps.reduce((x, step) => step(x), start), ...(name === undefined ? {} : { name }) })
}

/** Layers of one class inside nested models and around them. */
const cases: readonly (readonly [what: string, make: () => Model])[] = [
  ['batch norms in a nested model and behind it', () => nest([nest([norm, norm], 'base'), dense, norm, dense])],
  ['convolutions before a nested model, in it and behind it', () => nest([conv, nest([conv, norm, conv]), conv, norm])],
  ['a dense layer in a nested model, which is the last of its class', () => nest([dense, dense, nest([dense], 'head')])],
  ['models in models, one of them with a single layer', () => nest([norm, nest([nest([norm]), norm, nest([conv, nest([conv], 'deep')])])])],
  ['a half-frozen nested model', () => nest([halfFrozen(nest([conv, norm, depthwise, conv, norm, depthwise], 'base')), conv])],
  ['two nested models without names', () => nest([nest([conv, norm]), conv, nest([conv, norm])])],
  ['a layer that nested models share with the model around them', shared],
]

function halfFrozen(net: Model): Model {
  for (const layer of net.layers.slice(0, 4)) layer.trainable = false
  return net
}

function shared(): Model {
  const one = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' })
  return nest([conv, nest([conv, one]), nest([one, conv], 'second'), one, conv])
}

function sharedByName(): Model {
  const one = layers.dense({ units: 4, name: 'one' })
  return nest([nest([one], 'first'), nest([one, dense], 'second'), one])
}

const endings = ['keras', 'weights.h5', 'h5']

test.each([...cases, ['a named layer that models share beside others', sharedByName] as const])(
  '%s goes to .safetensors and back',
  async (what, make) => {
    const net = filled(make())
    const path = join(folder, `${what}.safetensors`)
    await net.save(path)
    const values = net.weights.map((weight) => weight.value())
    zero(net)
    await net.loadWeights(path)
    expect(net.weights.map((weight) => weight.value())).toEqual(values)
  },
)

describe.each(cases)('%s', (what, make) => {
  test.each(endings)('goes to .%s and back', async (ending) => {
    const net = filled(make())
    const path = join(folder, `${what}.${ending}`)
    await net.save(path)
    const values = net.weights.map((weight) => weight.value())
    zero(net)
    await net.loadWeights(path)
    expect(net.weights.map((weight) => weight.value())).toEqual(values)
    if (ending === 'weights.h5') return
    const loaded = await loadModel(path)
    expect((await loaded.predict(pictures(4))).data).toEqual((await net.predict(pictures(4))).data)
    await Promise.all([net.dispose(), loaded.dispose()])
  })

  test.each(['keras', 'weights.h5'])('goes from .%s into a network whose automatic names count on', async (ending) => {
    const net = filled(make())
    const path = join(folder, `${what} anew.${ending}`)
    await net.save(path)
    const other = make()
    await other.loadWeights(path)
    expect(other.weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
  })
})

/** The network of scripts/make-nested-goldens.py. */
function likeKeras(): Model {
  const inner = (): Model => nest([conv, norm, depthwise, norm])
  const x = layers.input({ shape: [8, 8, 3] })
  const start = norm(conv(x))
  const [base, second] = [nest([norm, inner(), conv], 'base'), inner()]
  const sum = layers.add()([base(start), second(start), second(base(start))])
  const pooled = layers.globalAveragePooling2d()(norm(conv(sum)))
  return model({ inputs: x, outputs: layers.dense({ units: 3, activation: 'softmax' })(pooled) })
}

describe.each(['nested', 'sequential'])("Keras's %s model", (name) => {
  const { probabilities } = JSON.parse(readFileSync(`test/golden/${name}.json`, 'utf8')) as { probabilities: number[] }
  const channels = name === 'nested' ? 3 : 4

  test.each(['keras', 'h5'])('opens from .%s with its answers, and takes its weights from every other file', async (ending) => {
    const net = await loadModel(`test/golden/${name}.${ending}`)
    await expectAnswers(net, probabilities, channels)
    for (const other of endings) {
      zero(net)
      await net.loadWeights(`test/golden/${name}.${other}`)
      await expectAnswers(net, probabilities, channels)
    }
    await net.dispose()
  })
})

test.each([
  // Paddings, merges, batch norms, a half-frozen model within, and a sequential one behind it.
  ['keras1', 3],
  ['keras1-sequential', 3],
  // Stored by TensorFlow 1 with the names of a second time: "first_1".
  ['keras2-half-frozen', 4],
] as const)('the %s file opens with its answers, and takes its weights from itself', async (name, channels) => {
  const { probabilities } = JSON.parse(readFileSync(`test/golden/${name}.json`, 'utf8')) as { probabilities: number[] }
  const net = await loadModel(`test/golden/${name}.h5`)
  await expectAnswers(net, probabilities, channels)
  zero(net)
  await net.loadWeights(`test/golden/${name}.h5`)
  await expectAnswers(net, probabilities, channels)
  await net.dispose()
})

test.each(['keras', 'h5'])(
  'nested sequential models are written to .%s as what they were, where Keras looks for their weights',
  async (ending) => {
    const { probabilities } = JSON.parse(readFileSync('test/golden/sequential.json', 'utf8')) as { probabilities: number[] }
    const net = await loadModel(`test/golden/sequential.${ending}`)
    await net.save(join(folder, `again.${ending}`))
    await net.saveWeights(join(folder, 'again.weights.h5'))
    const loaded = await loadModel(join(folder, `again.${ending}`))
    for (const each of [net, loaded]) {
      const classes = each.layers.map(({ className }) => className).filter((className) => /Sequential|Functional/u.test(className))
      expect(classes).toEqual(['Sequential', 'Functional', 'Sequential', 'Sequential'])
    }
    await expectAnswers(loaded, probabilities, 4)
    const datasets = (path: string): Promise<string[]> => withHdf5(path, ({ root }) => Promise.resolve(datasetsIn(root)))
    expect(await datasets(join(folder, 'again.weights.h5'))).toEqual(await datasets('test/golden/sequential.weights.h5'))
    await Promise.all([net.dispose(), loaded.dispose()])
  },
)

function datasetsIn(group: H5Group): string[] {
  return [...group.children.values()].flatMap((child) => (child.kind === 'group' ? datasetsIn(child) : [child.path])).sort()
}

test.each(['keras', 'weights.h5'])("Keras's nested.%s goes by address into a network with other automatic names", async (ending) => {
  const { probabilities } = JSON.parse(readFileSync('test/golden/nested.json', 'utf8')) as { probabilities: number[] }
  const net = likeKeras()
  await net.loadWeights(`test/golden/nested.${ending}`)
  await expectAnswers(net, probabilities, 3)
  await net.dispose()
})

describe('a network that is nested otherwise than the file', () => {
  test('takes classes that stand in one model only, in their order', async () => {
    const net = filled(nest([conv, nest([norm, norm, dense])]))
    await net.saveWeights(join(folder, 'otherwise.weights.h5'))
    const flat = nest([conv, norm, norm, dense])
    await flat.loadWeights(join(folder, 'otherwise.weights.h5'))
    expect(flat.weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
  })

  test('is refused where the file does not tell which layer is which', async () => {
    await filled(nest([norm, nest([norm, conv]), conv])).saveWeights(join(folder, 'unclear.weights.h5'))
    const flat = nest([norm, norm, conv, conv])
    const before = flat.weights.map((weight) => weight.value())
    await expect(flat.loadWeights(join(folder, 'unclear.weights.h5'))).rejects.toMatchObject({ code: 'WEIGHTS' })
    expect(flat.weights.map((weight) => weight.value())).toEqual(before)
  })
})

describe('nested models whose layers have the same names', () => {
  const tower = (name?: string): Model => nest([(x) => layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'c' })(x)], name)
  const towers = (names: readonly (string | undefined)[]): Model => nest([...names.map(tower), (x) => layers.flatten()(x), layers.dense({ units: 3, activation: 'softmax' })]) // prettier-ignore

  test.each([
    [['left', 'right'], 'keras'],
    [['left', 'right'], 'h5'],
    [['left', 'right'], 'weights.h5'],
    [[undefined, undefined], 'keras'],
    [[undefined, undefined], 'h5'],
    [[undefined, undefined], 'weights.h5'],
  ] as const)('%j keep their weights and the optimizer its state in .%s', async (names, ending) => {
    const [net, other] = [filled(towers(names)), towers(names)]
    for (const each of [net, other]) each.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
    const answers = tensor([1, 0, 0, 0, 0, 1], [2, 3])
    await net.trainOnBatch(pictures(4), answers)
    const path = join(folder, `towers ${names[0]}.${ending}`)
    await net.save(path)
    const loaded = ending === 'weights.h5' ? other : await loadModel(path)
    if (loaded === other) await other.loadWeights(path)
    expect(loaded.weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
    await Promise.all([net, loaded].map((each) => each.trainOnBatch(pictures(4), answers)))
    expect(loaded.weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
    await Promise.all([net.dispose(), loaded.dispose()])
  })

  test('are refused where a format cannot hold them, with what can', async () => {
    const within = nest([nest([tower('left'), tower('right')], 'both')])
    await expect(within.save(join(folder, 'within.h5'))).rejects.toMatchObject({
      code: 'FORMAT',
      message: 'Cannot write both as .h5: two models in it have a weight "c/kernel", expected one',
      hint: expect.stringContaining('.weights.h5') as string,
    })
    await expect(within.save(join(folder, 'within.safetensors'))).rejects.toMatchObject({ code: 'USAGE' })
  })
})

/** Every weight gets numbers of its own, so that two layers of one shape cannot be taken for each other. */
function filled(net: Model): Model {
  for (const [k, weight] of net.weights.entries()) {
    weight.assign(Float32Array.from({ length: sizeOf(weight.shape) }, (_, i) => 0.3 + (((i * 37 + k * 11) % 23) + k / 100) / 80))
  }
  return net
}

function zero(net: Model): void {
  for (const weight of net.weights) weight.assign(new Float32Array(sizeOf(weight.shape)))
}

function pictures(channels: number) {
  const shape = [2, 8, 8, channels]
  return tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 37) % 256) / 255),
    shape,
  )
}

async function expectAnswers(net: Model, wanted: readonly number[], channels: number): Promise<void> {
  const { data } = await net.predict(pictures(channels))
  wanted.forEach((value, i) => expect(Math.abs(Number(data[i]) - value)).toBeLessThan(1e-5))
}
