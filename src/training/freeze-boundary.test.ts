/** @file Training behind the freeze boundary is the same training as over the whole graph. */
import { describe, expect, it, vi } from 'vitest'
import * as engines from '../engine/index.ts'
import * as graphs from '../graph/index.ts'
import { compileModel } from './compile.ts'
import type { Model } from './model.ts'
import { adam, sgd, type Optimizer } from './optimizers/index.ts'
import { dropoutNet, photos, residualNet, smallNet, steppedNet, stream, weightsOf } from './small.cases.ts'
import { trunkOf } from './trunk.ts'

vi.mock('../graph/index.ts', { spy: true })
vi.mock('../engine/index.ts', { spy: true })

const data = photos(20)
const held = photos(7, 1)
const photo = [8, 8, 3]

/** Runs with the boundary put at the photo. */
async function uncut<T>(work: () => Promise<T>): Promise<T> {
  const spy = vi
    .spyOn(graphs, 'cutAtFreezeBoundary')
    .mockImplementation((graph, input) => ({ trunk: undefined, graft: graph, features: [input] }))
  try {
    return await work()
  } finally {
    spy.mockRestore()
  }
}

interface Row {
  readonly title: string
  readonly net: () => Model
  readonly frozen: readonly string[]
  /** Sizes of the values on the boundary. */
  readonly border: readonly (readonly number[])[]
  readonly optimizer?: () => Optimizer
}

const rows: readonly Row[] = [
  // The skip and the branch both cross the border.
  {
    title: 'in the middle of a residual block',
    net: residualNet,
    frozen: ['first', 'second'],
    border: [
      [4, 8, 8],
      [4, 8, 8],
    ],
  },
  { title: 'before a residual block', net: residualNet, frozen: ['first'], border: [[4, 8, 8]] },
  { title: 'before the head', net: residualNet, frozen: ['first', 'second', 'third'], border: [[4]], optimizer: () => adam() },
  { title: 'with a frozen layer behind it', net: residualNet, frozen: ['first', 'third'], border: [[4, 8, 8]] },
  { title: 'behind a frozen batch norm', net: smallNet, frozen: ['body', 'norm'], border: [[4]] },
  { title: 'before a batch norm that trains', net: smallNet, frozen: ['body'], border: [[4, 8, 8]] },
  // Of the 8×8 pixels only these are ever read.
  { title: 'between two stages', net: steppedNet, frozen: ['first', 'second'], border: [[4, 4, 4]] },
  { title: 'a block before the end of a stage', net: steppedNet, frozen: ['first'], border: [[4, 8, 8]] },
  { title: 'with one of two steps behind it', net: steppedNet, frozen: ['first', 'second', 'left'], border: [[4, 4, 4], [6, 4, 4]] }, // prettier-ignore
]

describe.each(rows)('a border $title', ({ net, frozen, border, optimizer }) => {
  const prepare = (): Model => {
    const made = net()
    for (const name of frozen) made.getLayer(name).trainable = false
    made.compile({
      optimizer: optimizer?.() ?? sgd({ learningRate: 0.05, momentum: 0.9 }),
      loss: 'categoricalCrossentropy',
      metrics: ['accuracy'],
    })
    return made
  }
  const run = async (): Promise<{
    history: Record<string, number[]>
    weights: Record<string, number[]>
    evaluated: Record<string, number>
  }> => {
    const made = prepare()
    const { history } = await made.fit(data.x, data.y, { epochs: 3, batchSize: 8, seed: 3, validationData: { x: held.x, y: held.y } })
    return { history, weights: await weightsOf(made), evaluated: await made.evaluate(held.x, held.y) }
  }

  it('lies where nothing that trains is upstream', () => {
    const made = prepare()
    const trunk = trunkOf(made, made.compiled, photo)
    expect(trunk.computes).toBe(true)
    expect(trunk.shapes).toEqual(border)
  })

  it('changes neither history nor weights', async () => {
    const [cut, whole] = [await run(), await uncut(run)]
    const close = (found: Record<string, number[]>, expected: Record<string, number[]>): void => {
      expect(Object.keys(found)).toEqual(Object.keys(expected))
      for (const [name, values] of Object.entries(expected))
        values.forEach((value, i) => expect(Math.abs(found[name]![i]! - value)).toBeLessThan(2e-5))
    }
    close(cut.history, whole.history)
    close(cut.weights, whole.weights)
    expect(cut.evaluated['loss']).toBeCloseTo(whole.evaluated['loss']!, 5)
  })

  it('is crossed in the same way by a stream', async () => {
    const [stored, streamed] = [prepare(), prepare()]
    await stored.fit(data.x, data.y, { epochs: 2, batchSize: 8, shuffle: false })
    await streamed.fit(stream(data, 8), { epochs: 2 })
    const expected = await weightsOf(stored)
    for (const [path, values] of Object.entries(await weightsOf(streamed)))
      values.forEach((value, i) => expect(Math.abs(value - expected[path]![i]!)).toBeLessThan(2e-5))
  })
})

it.each([
  ['when every layer trains', smallNet, []],
  ['behind a dropout alone', dropoutNet, ['drop']],
] as const)('nothing is stored %s', (_when, make, frozen) => {
  const net = make()
  for (const name of frozen) net.getLayer(name).trainable = false
  const trunk = trunkOf(net, compileModel(net, { loss: 'categoricalCrossentropy' }), photo)
  expect(trunk.computes).toBe(false)
  expect(trunk.shapes).toEqual([photo])
})

it('the trunk runs once for each photo of a run', async () => {
  const net = residualNet()
  for (const name of ['first', 'second']) net.getLayer(name).trainable = false
  net.compile({ optimizer: sgd(), loss: 'categoricalCrossentropy' })
  const real = engines.engine()
  let photosRun = 0
  const spy = vi.spyOn(engines, 'engine').mockReturnValue({
    ...real,
    async compile(graph, options) {
      const program = await real.compile(graph, options)
      if (options?.asInputs) return program
      return { ...program, run: (feeds, into) => ((photosRun += [...feeds.values()][0]!.shape[0]!), program.run(feeds, into)) }
    },
  })
  await net.fit(data.x, data.y, { epochs: 4, batchSize: 8, validationData: { x: held.x, y: held.y } })
  spy.mockRestore()
  expect(photosRun).toBe(27)
})
