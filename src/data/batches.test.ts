/** @file Tests of batches: every sample once, the same order for the same seed, labels as Keras encodes them. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balancedClassWeights, batchIndices, labelBatch, oneHot, readAll, stackBatch } from './batches.ts'
import { allIndices } from './dataset.ts'
import { memoryDataset } from './memory.cases.ts'

const HOW = { size: [1, 1], preprocessing: 'none' } as const
const GOLDEN = JSON.parse(readFileSync(new URL('../../test/golden/numerics.json', import.meta.url), 'utf8')) as {
  to_categorical: number[][]
}

describe('batchIndices', () => {
  test('deals every sample once, in batches of the size, for any size, seed and epoch', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 40 }), fc.integer(), fc.nat(50), (size, batchSize, seed, epoch) => {
        const batches = batchIndices(size, { batchSize, seed, epoch })
        expect(batches.flat().sort((a, b) => a - b)).toEqual(allIndices(size))
        expect(batches.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true)
        expect(batches).toEqual(batchIndices(size, { batchSize, seed, epoch }))
        const full = batchIndices(size, { batchSize, seed, epoch, dropLast: true })
        expect(full).toEqual(batches.slice(0, Math.floor(size / batchSize)))
      }),
    )
  })

  test('gives every epoch and seed its own order, and the given order without shuffling', () => {
    const order = (seed: number, epoch: number): string => batchIndices(50, { batchSize: 50, seed, epoch }).join()
    expect(new Set([order(0, 0), order(0, 1), order(1, 0), order(1, 1), order(2 ** 40, 0)]).size).toBe(5)
    expect(batchIndices(5, { batchSize: 2, shuffle: false })).toEqual([[0, 1], [2, 3], [4]])
  })

  test('refuses a batch size of 0', () => {
    expect(() => batchIndices(5, { batchSize: 0 })).toThrow(/batch size is 0/)
  })
})

describe('labels', () => {
  test('oneHot is to_categorical of Keras', () => {
    const { data, shape } = oneHot([0, 2, 1, 2])
    expect(shape).toEqual([4, 3])
    expect([...data]).toEqual(GOLDEN.to_categorical.flat())
    expect(oneHot([0], 2).shape).toEqual([1, 2])
    expect(() => oneHot([3], 3)).toThrow(/label 3 at 0, expected a whole number from 0 to 2/)
  })

  test('labelBatch gives the three forms', () => {
    const dataset = memoryDataset([0, 1, 1, 0])
    expect(labelBatch(dataset, [1, 0], 'categorical')).toEqual({ data: Float32Array.of(0, 1, 1, 0), shape: [2, 2], dtype: 'float32' })
    expect(labelBatch(dataset, [1, 0], 'int')).toEqual({ data: Int32Array.of(1, 0), shape: [2], dtype: 'int32' })
    expect(labelBatch(dataset, [1, 0], 'binary')).toEqual({ data: Float32Array.of(1, 0), shape: [2, 1], dtype: 'float32' })
  })

  test('balancedClassWeights is n / (k · count)', () => {
    expect(balancedClassWeights([0, 0, 0, 1], 2)).toEqual([4 / 6, 2])
    expect(() => balancedClassWeights([0, 0], 2)).toThrow(/class 1 has no sample/)
  })
})

describe('readAll', () => {
  test('yields in order whatever finishes first, with few pictures under way', async () => {
    let underWay = 0
    let most = 0
    const slow = memoryDataset(new Array<number>(40).fill(0), [7], (index) => (index * 7) % 5)
    const counted = {
      ...slow,
      read: async (...args: Parameters<typeof slow.read>) => {
        most = Math.max(most, ++underWay)
        return slow.read(...args).finally(() => underWay--)
      },
    }
    const order = allIndices(40).reverse()
    const seen: number[] = []
    const heard: number[] = []
    for await (const sample of readAll(counted, order, HOW, { concurrency: 3, onSample: ({ index }) => heard.push(index) })) {
      seen.push(sample.index)
      if (sample.index === 7) expect(sample).toEqual({ index: 7, id: 'sample 7', result: { ok: false, reason: 'the file is truncated' } })
      else expect(sample.result).toMatchObject({ ok: true, tensor: { data: Float32Array.of(sample.index) } })
    }
    expect([seen, heard, most]).toEqual([order, order, 3])
  })

  test("throws faults that are not the picture's, and leaves none unhandled when the reader stops", async () => {
    const faulty = { ...memoryDataset([0, 0, 0, 0]), read: (index: number) => Promise.reject(new TypeError(`fault ${index}`)) }
    await expect(readAll(faulty, [0, 1, 2, 3], HOW, { concurrency: 4 }).next()).rejects.toThrow('fault 0')
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('stops when it is canceled', async () => {
    const stop = new AbortController()
    const read: number[] = []
    const all = async (): Promise<void> => {
      for await (const { index } of readAll(memoryDataset([0, 0, 0]), [0, 1, 2], HOW, { signal: stop.signal })) {
        read.push(index)
        stop.abort()
      }
    }
    await expect(all()).rejects.toMatchObject({ code: 'CANCELED' })
    expect(read).toEqual([0])
  })
})

test('stackBatch joins pictures along a new axis', () => {
  const picture = { data: Float32Array.of(1, 2), shape: [1, 2, 1], dtype: 'float32' } as const
  expect(stackBatch([picture, picture]).shape).toEqual([2, 1, 2, 1])
})
