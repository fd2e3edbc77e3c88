/** @file What ONNX Runtime leaves behind in a home. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const home = mkdtempSync(join(tmpdir(), 'rootstock-home-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const program = `
import { engine } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}
import { createTape } from ${JSON.stringify(join(import.meta.dirname, '../graph/index.ts'))}
const tape = createTape()
const x = tape.input('x', { shape: [2], dtype: 'float32' })
const y = tape.op('Relu', [x], {})
const ready = await engine('cpu').compile(tape.graph([y]))
const results = await ready.run(new Map([[x, { data: Float32Array.of(-1, 2), shape: [2], dtype: 'float32' }]]))
console.log(String(results.get(y).data))
`

it('computes without a record of its use', { timeout: 30_000 }, () => {
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: undefined, ORT_DISABLE_TELEMETRY: undefined }
  const run = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { env, encoding: 'utf8' })
  expect(run.stderr).toBe('')
  expect(run.stdout).toBe('0,2\n')
  // With ORT_DISABLE_TELEMETRY=0 there is a data base in .cache/Microsoft on Linux.
  expect(readdirSync(home, { recursive: true })).toEqual([])
})
