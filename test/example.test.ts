/** @file The example runs from its folder of photos to the answer for one photo, and says what is wrong with the tutorials' scaling. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { ANIMALS, drawAnimal } from '../src/image/index.ts'
import { root } from './sources.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-example-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('examples/cats-and-dogs.ts goes all the way, and warns of x/255', { timeout: 240_000 }, async () => {
  for (const kind of ANIMALS) for (let i = 0; i < 6; i++) writeFileSync(join(folder, `${kind}.${i}.jpg`), await drawAnimal(kind, i, 96))
  const out = join(folder, 'out')
  const counts = ['--train', '2', '--validation', '2', '--test', '2', '--epochs', '1']
  const argv = ['tsx', 'examples/cats-and-dogs.ts', folder, '--out', out, ...counts, '--size', '75', '--weights', 'none']
  const env = { ...process.env, ROOTSTOCK_CACHE: join(folder, 'cache'), ROOTSTOCK_OFFLINE: '1' }
  const { status, stdout, stderr } = spawnSync('npx', [...argv, '--preprocessing', 'tutorial'], { cwd: root, env, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  expect(stdout).toContain('train cat: 2 photos')
  expect(stdout).toMatch(/^Epoch 2 /m)
  expect(stdout).toMatch(/test\/cat\/cat\.4\.jpg \{ cat: 0\.\d+, dog: 0\.\d+ \}\n$/)
  expect(stderr).toMatch(/warning: Photos are prepared as "tutorial", but .* was trained on "tf"/)
  for (const name of ['best.weights.h5', 'v3.weights.h5', 'curves.svg', 'curves.png', 'logs'])
    expect(existsSync(join(out, name))).toBe(true)
})
