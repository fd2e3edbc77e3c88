/** @file Stored features: the same rows from memory and from a file. */
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { collectGarbage, random, sizeOf, tensor, type Shape, type Tensor } from '../tensor/index.ts'
import { createFeatureRows } from './feature-rows.ts'

const shapes: readonly Shape[] = [[2, 3], [5], []]
const count = 11

/** All samples' values, one tensor per value. */
function allValues(): Tensor<'float32'>[] {
  const rng = random('rows')
  return shapes.map((shape) => {
    const numbers = Float32Array.from({ length: count * sizeOf(shape) }, () => rng.normal())
    return tensor(numbers, [count, ...shape])
  })
}

const values = allValues()

function samples(indices: readonly number[]): Tensor<'float32'>[] {
  return values.map(({ data, shape: [, ...shape] }) => {
    const width = sizeOf(shape)
    return tensor(Float32Array.from(indices.flatMap((i) => [...data.subarray(i * width, (i + 1) * width)])), [indices.length, ...shape])
  })
}

describe.each([
  ['in memory', undefined],
  ['in a file', 0],
])('rows %s', (_where, limit) => {
  it('come back in the order that is asked for, more than once', async () => {
    const rows = createFeatureRows(count, shapes, limit)
    // Written in parts, not in order.
    for (const part of [
      [4, 5, 6, 7],
      [0, 1, 2, 3],
      [8, 9, 10],
    ])
      await rows.write(part[0]!, samples(part))
    for (const indices of [[10, 0, 5], [5, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], []])
      expect(await rows.gather(indices)).toEqual(samples(indices))
    expect(rows.count).toBe(count)
    await rows.dispose()
  })

  it('can be written over', async () => {
    const rows = createFeatureRows(count, shapes, limit)
    await rows.write(0, samples([0, 1, 2]))
    await rows.write(1, samples([9]))
    expect(await rows.gather([2, 1, 0])).toEqual(samples([2, 9, 0]))
    await rows.dispose()
  })

  it('come into memory that was given back, whatever lay there, and into none that was not', async () => {
    const rows = createFeatureRows(count, shapes, limit)
    await rows.write(0, samples([0, 1, 2]))
    const [kept, given] = [await rows.gather([0, 1]), await rows.gather([1, 2])]
    rows.recycle(given)
    const again = await rows.gather([2, 0])
    expect(again[0]!.data).toBe(given[0]!.data)
    expect([kept, again, await rows.gather([1, 0])]).toEqual([samples([0, 1]), samples([2, 0]), samples([1, 0])])
    await rows.dispose()
  })
})

describe('the file of rows', () => {
  it('has no name that could be left behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('.scratch'))
    const rows = createFeatureRows(count, shapes, 0)
    await rows.write(0, samples([0]))
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('.scratch') && !before.includes(name))).toEqual([])
    await rows.dispose()
  })

  it('does not give rows that were never written', async () => {
    const rows = createFeatureRows(count, shapes, 0)
    await rows.write(0, samples([0]))
    await expect(rows.gather([7])).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringMatching(/^Cannot read stored features in .*: it ends 48 bytes too soon$/) as string,
    })
    await rows.dispose()
  })

  it('is used from the limit on', async () => {
    const bytes = count * 12 * 4
    const [memory, file] = [createFeatureRows(count, shapes, bytes), createFeatureRows(count, shapes, bytes - 1)]
    // Memory begins with zeros, a file is empty.
    expect((await memory.gather([3]))[2]!.data).toEqual(Float32Array.of(0))
    await expect(file.gather([3])).rejects.toMatchObject({ code: 'FILE' })
    await file.dispose()
  })
})

describe.each([
  ['wait on disk', tmpdir()],
  ['stay in memory where the disk refuses', '/dev/null/cache'],
])('rows that rest %s', (_where, cache) => {
  beforeEach(() => void vi.stubEnv('ROOTSTOCK_CACHE', cache))
  afterEach(() => void vi.unstubAllEnvs())

  it('come back as they were put, before, meanwhile and after', async () => {
    const wide = 2 ** 19
    const rows = createFeatureRows(4, [[wide]])
    const put = (row: number, value: number): Promise<void> => rows.put(row, new Float32Array(wide).fill(value))
    await put(0, 1)
    await put(2, 2)
    rows.rest()
    await put(1, 3)
    await put(2, 4)
    rows.rest()
    const ends = async (): Promise<number[]> => {
      const data = (await rows.gather([0, 1, 2, 3]))[0]!.data
      return [0, 1, 2, 3].flatMap((row) => [data[row * wide]!, data[(row + 1) * wide - 1]!])
    }
    expect(await ends()).toEqual([1, 1, 3, 3, 4, 4, 0, 0])
    await put(3, 5)
    rows.rest()
    expect(await ends()).toEqual([1, 1, 3, 3, 4, 4, 5, 5])
    await rows.dispose()
  })

  it('take no memory meanwhile, except there', async () => {
    const before = process.memoryUsage().arrayBuffers
    const rows = createFeatureRows(32, [[2 ** 19]])
    rows.rest()
    collectGarbage()
    const grown = process.memoryUsage().arrayBuffers - before
    expect(grown > 2 ** 25).toBe(cache.startsWith('/dev/null'))
    await rows.dispose()
  })
})
