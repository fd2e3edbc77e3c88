/** @file What holds for every engine besides its operators: feeding, writing in place, memory, refusals. */
import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { createTape, steps, type Graph, type Value } from '../graph/index.ts'
import { tensor, zeros, type Tensor } from '../tensor/index.ts'
import { normal } from './conformance.cases.ts'
import { here, withProgram } from './here.cases.ts'
import { availableEngines, engine, engineThreads } from './index.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

describe('engine', () => {
  it('of an unknown name offers the nearest', () => {
    expect(() => engine('wegpu')).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME', hint: 'Did you mean "webgpu"?' }))
  })

  it('is the processor by default', () => {
    expect(engine().name).toBe(process.env['ROOTSTOCK_ENGINE'] ?? 'cpu')
  })

  it.each([
    ['', availableParallelism()],
    ['3', 3],
  ])('computes with %j as ROOTSTOCK_THREADS on %j threads', (given, threads) => {
    expect(engineThreads(given)).toBe(threads)
  })

  it.each(['0', '-1', '1.5', 'two', '1e9'])('refuses %j as ROOTSTOCK_THREADS', (given) => {
    expect(() => engineThreads(given)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(given) as string }),
    )
  })

  it('says what is wrong with ROOTSTOCK_THREADS, and not that the network is', async () => {
    vi.stubEnv('ROOTSTOCK_THREADS', 'two')
    const tape = createTape()
    const graph = tape.graph([tape.op('Relu', [tape.input('x', { shape: [1], dtype: 'float32' })], {})])
    await expect(engine('cpu').compile(graph)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/^Invalid ROOTSTOCK_THREADS/) as string,
    })
    vi.unstubAllEnvs()
  })

  it('is available on the processor of every machine', async () => {
    expect(await availableEngines()).toContain('cpu')
  })
})

/** A step of gradient descent with momentum: m' = 0.9·m + g, w' = w − 0.1·m'. */
interface Descent {
  readonly graph: Graph
  readonly w: Value
  readonly m: Value
  readonly g: Value
  readonly newW: Value
  readonly newM: Value
}

function descent(shape: readonly number[]): Descent {
  const tape = createTape()
  const [w, m, g] = ['w', 'm', 'g'].map((name) => tape.input(name, { shape, dtype: 'float32' })) as [Value, Value, Value]
  const newM = steps.add(tape, steps.scale(tape, m, 0.9), g)
  const newW = steps.sub(tape, w, steps.scale(tape, newM, 0.1))
  return { graph: tape.graph([newW, newM]), w, m, g, newW, newM }
}

describe.each(here)('%s', (name) => {
  it('writes updates over their own inputs', async () => {
    const { graph, w, m, g, newW, newM } = descent([3])
    const [weights, moments] = [tensor([1, 2, 3]), zeros([3])]
    const feeds = new Map([
      [w, weights],
      [m, moments],
      [g, tensor([1, 0, -1])],
    ])
    await withProgram(name, graph, async (program) => {
      const into = new Map([
        [newW, weights],
        [newM, moments],
      ])
      const results = await program.run(feeds, into)
      expect(results.get(newW)).toBe(weights)
      await program.run(feeds, into)
    })
    expect([...moments.data].map((value) => value.toFixed(4))).toEqual(['1.9000', '0.0000', '-1.9000'])
    expect([...weights.data].map((value) => value.toFixed(4))).toEqual(['0.7100', '2.0000', '3.2900'])
  })

  it('leaves its inputs alone otherwise', async () => {
    const { graph, w, m, g, newW } = descent([2])
    const weights = tensor([1, 2])
    const feeds = new Map([
      [w, weights],
      [m, zeros([2])],
      [g, tensor([1, 1])],
    ])
    const first = await withProgram(name, graph, (program) => program.run(feeds))
    expect([...weights.data]).toEqual([1, 2])
    expect([...first.get(newW)!.data].map((value) => Number(value).toFixed(4))).toEqual(['0.9000', '1.9000'])
  })

  it('keeps its memory flat over 200 runs', { timeout: 30_000 }, async () => {
    const { graph, w, m, g, newW, newM } = descent([256, 1024])
    const [weights, moments] = [normal(1, [256, 1024]), zeros([256, 1024])]
    const feeds = new Map([
      [w, weights],
      [m, moments],
      [g, normal(2, [256, 1024])],
    ])
    const into = new Map([
      [newW, weights],
      [newM, moments],
    ])
    const grown = await withProgram(name, graph, async (program) => {
      const residentAfter = async (runs: number): Promise<number> => {
        for (let i = 0; i < runs; i++) await program.run(feeds, into)
        collectGarbage()
        return process.memoryUsage.rss()
      }
      const before = await residentAfter(20)
      return (await residentAfter(200)) - before
    })
    // A leak of one megabyte-sized tensor per run would be 200 MiB.
    expect(grown).toBeLessThan(30 * 2 ** 20)
  })

  it('takes large dense kernels as what they were when it was made ready, constant or fed', async () => {
    const [rows, columns] = [2 ** 12, 2 ** 11]
    const kernel = normal(3, [rows, columns])
    const tape = createTape()
    const x = tape.input('x', { shape: [1, rows], dtype: 'float32' })
    const w = tape.parameter('w', { shape: kernel.shape, dtype: 'float32' }, () => kernel)
    const y = tape.op('MatMul', [x, w], {})
    const row = tensor(Float32Array.from({ length: rows }, (_, i) => (i === 5 ? 2 : 0)), [1, rows]) // prettier-ignore
    const wanted = kernel.data.slice(5 * columns, 6 * columns).map((value) => 2 * value)
    await withProgram(name, tape.graph([y]), async (program) => {
      expect((await program.run(new Map([[x, row]]))).get(y)?.data).toEqual(wanted)
    })
    const fed = await engine(name).compile(tape.graph([y]), { asInputs: new Set([w]) })
    expect((await fed.run(new Map([[x, row], [w, zeros(kernel.shape)]]))).get(y)?.data).toEqual(new Float32Array(columns)) // prettier-ignore
    await fed.dispose()
  })

  it('leaves no copies of what it writes in place to the garbage collector', async () => {
    const { graph, w, m, g, newW, newM } = descent([1024, 1024])
    const feeds = new Map([w, m, g].map((value) => [value, zeros([1024, 1024])] as const))
    const into = new Map([
      [newW, feeds.get(w)!],
      [newM, feeds.get(m)!],
    ])
    await withProgram(name, graph, async (program) => {
      await program.run(feeds, into)
      const before = process.memoryUsage().external
      const grown: number[] = []
      for (let i = 0; i < 5; i++) {
        await program.run(feeds, into)
        grown.push(process.memoryUsage().external - before)
      }
      // Each run copies 8 MiB, which a collector would let grow.
      expect(Math.max(...grown)).toBeLessThan(2 ** 20)
      expect(feeds.get(w)?.data).toHaveLength(1024 * 1024)
    })
  })

  it('gives inputs, constants and one value twice as outputs', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2], dtype: 'float32' })
    const seven = tape.number([7, 8])
    const y = steps.neg(tape, x)
    const results = await withProgram(name, tape.graph([x, seven, y, y]), (program) => program.run(new Map([[x, tensor([1, 2])]])))
    expect([x, seven, y].map((value) => [...results.get(value)!.data])).toEqual([
      [1, 2],
      [7, 8],
      [-1, -2],
    ])
  })

  it('takes any size where one is unknown', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [null, 2], dtype: 'float32' })
    const y = steps.scale(tape, x, 2)
    await withProgram(name, tape.graph([y]), async (program) => {
      for (const batch of [1, 3]) {
        const result = (await program.run(new Map([[x, normal(3, [batch, 2])]]))).get(y)!
        expect(result.shape).toEqual([batch, 2])
      }
    })
  })

  it('reads parameters as constants or, where asked, as inputs', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [2], dtype: 'float32' })
    const w = tape.parameter('w', { shape: [2], dtype: 'float32' }, () => tensor([3, 4]))
    const y = steps.mul(tape, x, w)
    const graph = tape.graph([y])
    const run = async (feeds: Map<Value, Tensor>, asInputs?: ReadonlySet<Value>): Promise<unknown[]> => {
      const program = await engine(name).compile(graph, asInputs ? { asInputs } : {})
      const result = (await program.run(feeds)).get(y)!
      await program.dispose()
      return [...result.data]
    }
    const one = new Map<Value, Tensor>([[x, tensor([1, 1])]])
    expect(await run(one)).toEqual([3, 4])
    expect(await run(new Map([...one, [w, tensor([5, 6])]]), new Set([w]))).toEqual([5, 6])
  })

  it('refuses a missing feed, a wrong shape, a wrong type and a run after disposal', async () => {
    const tape = createTape()
    const x = tape.input('photo', { shape: [2], dtype: 'float32' })
    const program = await engine(name).compile(tape.graph([steps.neg(tape, x)]))
    const error = (message: RegExp): unknown =>
      expect.objectContaining({ code: 'ENGINE', message: expect.stringMatching(message) as string })
    await expect(program.run(new Map())).rejects.toEqual(error(/^Cannot run: the input "photo" was not fed$/))
    await expect(program.run(new Map([[x, zeros([3])]]))).rejects.toEqual(error(/^Cannot run the network: .*photo/))
    await expect(program.run(new Map([[x, { data: new Int32Array(2), shape: [2], dtype: 'int32' }]]))).rejects.toEqual(error(/^Cannot run/))
    await program.dispose()
    await program.dispose()
    await expect(program.run(new Map([[x, zeros([2])]]))).rejects.toEqual(error(/^Cannot run: the program was disposed of$/))
  })
})
