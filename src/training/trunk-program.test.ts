/** @file Features computed side by side are those of one session, whatever photos cannot be read. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { imageFolder } from '../data/index.ts'
import { random } from '../tensor/index.ts'
import type { TrainingEvent } from './events.ts'
import { openTrunk } from './open-trunk.ts'
import { residualNet } from './small.cases.ts'
import { trunkOf } from './trunk.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-lanes-'))
beforeAll(async () => {
  for (const name of ['a', 'b', 'c']) mkdirSync(join(folder, name))
  for (let i = 0; i < 300; i++) {
    const rng = random(`lanes/${i}`)
    const raw = Uint8Array.from({ length: 8 * 8 * 3 }, () => rng.integer(256))
    const png = await sharp(raw, { raw: { width: 8, height: 8, channels: 3 } })
      .png()
      .toBuffer()
    writeFileSync(join(folder, 'abc'[i % 3] ?? 'a', `${i}.png`), [20, 21, 22, 70].includes(i) ? png.subarray(0, 60) : png)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.unstubAllEnvs())

function frozenNet(): ReturnType<typeof residualNet> {
  const net = residualNet()
  for (const layer of net.layers) layer.trainable = layer.name === 'head'
  net.compile({ loss: 'categoricalCrossentropy' })
  return net
}

async function featuresWith(threads: string): Promise<{ rows: number[][]; events: TrainingEvent[] }> {
  vi.stubEnv('ROOTSTOCK_THREADS', threads)
  const events: TrainingEvent[] = []
  const trunk = openTrunk(frozenNet())
  const dataset = await imageFolder(folder).open()
  const { rows } = await trunk.features(dataset, { split: 'train', featureStore: false, onEvent: (event) => void events.push(event) })
  await trunk.dispose()
  return { rows: rows.map((row) => [...row]), events }
}

it('features are the same bits', async () => {
  const [one, many] = [await featuresWith('1'), await featuresWith('3')]
  expect(one.rows).toHaveLength(296)
  expect(many.rows).toEqual(one.rows)
  expect(many.events.filter(({ type }) => type === 'unusable')).toEqual(one.events.filter(({ type }) => type === 'unusable'))
  const told = many.events.flatMap((event) => (event.type === 'featuresProgress' ? [event.done] : []))
  expect(told).toEqual([...told].sort((a, b) => a - b))
  expect(told.at(-1)).toBe(300)
})

describe('lanes are opened', () => {
  it.each([
    ['1', 1000, 1],
    ['2', 1000, 2],
    ['16', 1000, 2],
    ['2', 200, 1],
  ])('with %s threads for %d photos: %d', async (threads, photos, lanes) => {
    vi.stubEnv('ROOTSTOCK_THREADS', threads)
    const net = frozenNet()
    const trunk = trunkOf(net, net.compiled, [8, 8, 3])
    expect(await trunk.widen(photos)).toBe(lanes)
    expect(await trunk.widen(1)).toBe(lanes)
    await trunk.dispose()
  })
})
