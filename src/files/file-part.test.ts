/** @file Parts of files: the bytes that were there, or an error when the file is another one by then. */
import { closeSync, mkdtempSync, openSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { filePart, openPart, readAcross, readPart, type FilePart } from './file-part.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-part-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'file')

const partOf = (begin: number, size: number): FilePart => {
  const file = openSync(path, 'r')
  try {
    return filePart(file, path, { begin, size })
  } finally {
    closeSync(file)
  }
}

beforeEach(() => writeFileSync(path, 'before|inside|after'))

describe('a part of a file', () => {
  it('ends where it ends, whatever follows', () => {
    const part = partOf(7, 6)
    expect(readPart(part).toString()).toBe('inside')
    const open = openPart(part)
    const target = Buffer.alloc(10, '.')
    expect([open.read(target, 2), target.toString()]).toEqual([4, 'side......'])
    expect([open.read(target, 6), open.read(target, 99)]).toEqual([0, 0])
    open.close()
  })

  it.each([
    ['written again', () => writeFileSync(path, 'others')],
    ['cut', () => truncateSync(path, 10)],
    [
      'replaced by one of the same length',
      () => {
        writeFileSync(`${path}.new`, 'before|INSIDE|after')
        renameSync(`${path}.new`, path)
      },
    ],
  ])('is refused once the file was %s', (_, change) => {
    const part = partOf(7, 6)
    change()
    expect(() => readPart(part)).toThrow(
      expect.objectContaining({ code: 'FILE', message: expect.stringContaining('it was changed') as string }),
    )
  })

  it('can be read across several that follow each other', () => {
    const parts = [partOf(0, 3), partOf(7, 0), partOf(7, 6), partOf(14, 5)]
    const all = 'befinsideafter'
    for (let begin = 0; begin <= all.length; begin++)
      for (let end = begin; end <= all.length; end++) expect(readAcross(parts, begin, end).toString()).toBe(all.slice(begin, end))
  })

  it('that is longer than its file is an error', () => {
    expect(() => readPart(partOf(7, 100))).toThrow(/it became 88 bytes shorter/)
  })
})
