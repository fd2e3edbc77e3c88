/** @file Files of strangers that are not what their names say: each is refused at once, with one line and a hint. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { clearSession } from '../../layers/index.ts'
import { loadModel } from '../index.ts'
import { branching } from './branching.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-hostile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => clearSession())
const at = (...names: string[]): string => join(folder, ...names)

const open: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  keras: loadModel,
  json: loadModel,
  h5: loadModel,
  safetensors: (path) => branching().loadWeights(path),
  'weights.h5': (path) => branching().loadWeights(path),
}

describe.skipIf(process.platform === 'win32').each(Object.keys(open))('no regular file: .%s', (ending) => {
  test.each([
    ['a pipe that nobody writes to', (path: string) => void execFileSync('mkfifo', [path])],
    ['a device without end', (path: string) => symlinkSync('/dev/zero', path)],
    ['a folder', (path: string) => symlinkSync(folder, path)],
  ])('%s', async (name, make) => {
    const path = at(`${name}.${ending}`)
    make(path)
    await expect(open[ending]!(path)).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringMatching(/it is (a folder|not a regular file), expected an? /u) as string,
      hint: expect.any(String) as string,
    })
  })
})
