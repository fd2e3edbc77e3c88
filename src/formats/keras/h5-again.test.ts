/** @file Files that are written again: the bytes of files written anew, whatever happened in between. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Tensor } from '../../tensor/index.ts'
import { writeWeightsH5, type SavedLayer, type SavedWeight, type WriteExtras } from './write-weights.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-h5-again-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let files = 0

interface Kept {
  readonly version: string | undefined
  readonly value: number
}

/** Counts who is asked for numbers. */
function layersOf(kept: readonly Kept[], asked: string[] = [], size = 1000): SavedLayer[] {
  const weight = ({ version, value }: Kept, i: number): SavedWeight => ({
    name: 'kernel',
    shape: [size, 3],
    ...(version === undefined ? {} : { version }),
    get tensor(): Tensor<'float32'> {
      asked.push(`dense_${i}`)
      return { data: new Float32Array(size * 3).fill(value), shape: [size, 3], dtype: 'float32' }
    },
  })
  return kept.map((row, i) => ({ name: `dense_${i}`, className: 'Dense', weights: [weight(row, i)] }))
}

const extrasAt = (iteration: bigint): WriteExtras => ({
  optimizer: {
    name: 'sgd',
    variables: [{ name: 'sgd/iteration', shape: [], tensor: { data: BigInt64Array.of(iteration), shape: [], dtype: 'int64' } }],
  },
})

const start: readonly Kept[] = [
  { version: 'a/0', value: 1 },
  { version: 'b/0', value: 2 },
  { version: undefined, value: 3 },
]
const next: readonly Kept[] = [start[0]!, { version: 'b/1', value: 20 }, { version: undefined, value: 30 }]

async function anew(name: string, layers: readonly SavedLayer[], extras: WriteExtras = {}): Promise<Buffer> {
  const path = join(scratch, `${files++}-${name}`)
  await writeWeightsH5(path, layers, extras)
  return readFileSync(path)
}

describe.each(['net.weights.h5', 'net.h5'])('%s', (name) => {
  it('asks only for what changed, and has the bytes of a new file', async () => {
    const path = join(scratch, `${files++}-${name}`)
    const asked: string[] = []
    await writeWeightsH5(path, layersOf(start), extrasAt(1n))
    await writeWeightsH5(path, layersOf(next, asked), extrasAt(2n))
    expect(asked).toEqual(['dense_1', 'dense_2'])
    expect(readFileSync(path).equals(await anew(name, layersOf(next), extrasAt(2n)))).toBe(true)
    await writeWeightsH5(path, layersOf(start), extrasAt(3n))
    expect(readFileSync(path).equals(await anew(name, layersOf(start), extrasAt(3n)))).toBe(true)
  })

  it.each<[string, (path: string) => void, readonly SavedLayer[]]>([
    ['the file was removed', (path) => rmSync(path), layersOf(next)],
    ['the file was cut', (path) => truncateSync(path, statSync(path).size - 100), layersOf(next)],
    ['the file was changed and has its size', (path) => writeFileSync(path, readFileSync(path).fill(7, 3000, 4000)), layersOf(next)],
    ['something was added', (path) => appendFileSync(path, 'x'), layersOf(next)],
    ['the weights have another shape', () => undefined, layersOf(next, [], 1001)],
    ['there are more layers', () => undefined, layersOf([...next, start[0]!])],
  ])('is written anew where %s', async (_, change, layers) => {
    const path = join(scratch, `${files++}-${name}`)
    await writeWeightsH5(path, layersOf(start))
    change(path)
    await writeWeightsH5(path, layers)
    expect(readFileSync(path).equals(await anew(name, layers))).toBe(true)
  })
})
