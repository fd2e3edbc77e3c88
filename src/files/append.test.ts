import * as fs from 'node:fs'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { appendWhole } from './append.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'rootstock-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** Stores one byte at a time. */
const shortWrite = ((fd: number, data: Uint8Array, ...[offset, , position]: readonly [number, number, number]) =>
  fs.writeSync(fd, data, offset, 1, position)) as typeof fs.writeSync

const text = (path: string) => readFileSync(path, 'utf8')

describe('appendWhole', () => {
  it('makes folders and the file, and adds to it', () => {
    const path = join(folder, 'a/b/log')
    expect(appendWhole(path, 'one')).toBe(3)
    expect(appendWhole(path, 'two')).toBe(6)
    expect(text(path)).toBe('onetwo')
  })

  it('cuts off what lies after `at`', () => {
    const path = join(folder, 'log')
    writeFileSync(path, 'onetwothree')
    expect(appendWhole(path, 'TWO', { at: 3 })).toBe(6)
    expect(text(path)).toBe('oneTWO')
    expect(appendWhole(path, '!', { at: 99 })).toBe(7)
  })

  it('goes on after a short write', () => {
    const path = join(folder, 'log')
    const slow = { ...fs, writeSync: shortWrite }
    appendWhole(path, 'all of it', { system: slow })
    expect(text(path)).toBe('all of it')
  })

  it('leaves the file as it was when the disk is full', () => {
    const path = join(folder, 'log')
    writeFileSync(path, 'kept')
    let calls = 0
    const full = ((...args: Parameters<typeof shortWrite>) => {
      if (calls++ > 2) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      return shortWrite(...args)
    }) as typeof fs.writeSync
    expect(() => appendWhole(path, 'lost in part', { system: { ...fs, writeSync: full } })).toThrow(
      expect.objectContaining({ code: 'FILE', message: expect.stringContaining('no space is left') as string }),
    )
    expect(text(path)).toBe('kept')
  })

  it('names a folder in place of a file', () => {
    expect(() => appendWhole(folder, 'x')).toThrow(expect.objectContaining({ code: 'FILE' }))
  })
})
