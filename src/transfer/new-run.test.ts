/** @file Names of new runs: none is given twice, and a run that does not begin leaves nothing. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { withRunFolder } from './new-run.ts'

const home = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'rootstock-new-run-'))
beforeEach(() => {
  process.chdir(folder)
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 23, 21, 44, 55), toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
  process.chdir(home)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a run without a named folder', () => {
  it('gets a name that no other run of the same second has', async () => {
    const keep = (run: string): Promise<string> => Promise.resolve(run).finally(() => writeFileSync(join(run, 'run.json'), ''))
    const runs = await Promise.all([{}, {}, { network: 'VGG16' }].map((options) => withRunFolder(options, keep)))
    runs.push(await withRunFolder({}, keep))
    const [first, second, third] = ['', '-2', '-3'].map((suffix) => join('runs', `mobilenet-20261123-214455${suffix}`))
    expect(runs.sort()).toEqual([first, second, third, join('runs', 'vgg16-20261123-214455')])
    expect(readdirSync('runs')).toHaveLength(4)
    rmSync('runs', { recursive: true })
  })

  it('leaves no folder where it does not begin', async () => {
    await expect(withRunFolder({}, () => Promise.reject(new Error('no photos')))).rejects.toThrow('no photos')
    expect(existsSync('runs')).toBe(false)
  })

  it('is refused with resume, and where the folder cannot be made', async () => {
    const nothing = (): Promise<void> => Promise.resolve()
    await expect(withRunFolder({ resume: true }, nothing)).rejects.toMatchObject({ code: 'USAGE' })
    writeFileSync('runs', '')
    await expect(withRunFolder({}, nothing)).rejects.toMatchObject({ code: 'FILE', hint: 'Choose another --out' })
    rmSync('runs')
  })
})
