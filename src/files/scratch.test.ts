/** @file Scratch files: no name, no trace, and errors that name the folder. */
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { collectGarbage } from '../tensor/index.ts'
import { openScratch } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-scratch-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('what was written is read from any place on', () => {
  const scratch = openScratch(join(folder, 'new', 'folder'))
  scratch.write(Uint8Array.from([4, 5]), 3)
  scratch.write(Uint8Array.from([1, 2, 3]), 0)
  scratch.write(new Uint8Array(), 9)
  const into = new Uint8Array(3)
  scratch.read(into, 2)
  expect([...into]).toEqual([3, 4, 5])
  expect(() => void scratch.read(into, 3)).toThrow(/^Cannot read .*scratch.*: it ends 1 bytes too soon$/)
  expect(readdirSync(join(folder, 'new', 'folder'))).toEqual([])
  scratch.close()
})

it('a folder that cannot be is an error of the file system', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => openScratch(join(folder, 'file', 'in'))).toThrow(expect.objectContaining({ code: 'FILE' }))
})

it.runIf(process.platform === 'linux')('is closed when nobody holds it any more', async () => {
  mkdirSync(join(folder, 'held'))
  const open = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(join(folder, 'held'))
      } catch {
        return false
      }
    }).length
  let scratch: unknown = openScratch(join(folder, 'held'))
  expect([open(), scratch === undefined]).toEqual([1, false])
  scratch = undefined
  for (let turn = 0; turn < 50 && open() > 0; turn++) {
    collectGarbage()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(open()).toBe(0)
})
