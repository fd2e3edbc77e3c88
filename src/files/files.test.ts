/** @file fileHash, readRegular and cacheFolder. */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { cacheFolder, checkWritable, fileHash, makeFolder, readRegular, withFolderLock } from './index.ts'

const folder = fs.mkdtempSync(join(tmpdir(), 'rootstock-files-'))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

test('fileHash gives the published hashes of "abc"', async () => {
  const path = join(folder, 'abc')
  fs.writeFileSync(path, 'abc')
  expect(await fileHash(path, 'md5')).toBe('900150983cd24fb0d6963f7d28e17f72')
  expect(await fileHash(path, 'sha256')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('fileHash refuses a missing file and a folder', async () => {
  await expect(fileHash(join(folder, 'none'), 'md5')).rejects.toMatchObject({
    code: 'FILE',
    message: `Cannot read ${folder}/none: it does not exist (ENOENT)`,
  })
  await expect(fileHash(folder, 'md5')).rejects.toMatchObject({ code: 'FILE', message: `Cannot read ${folder}: it is not a regular file` })
})

test('readRegular reads as much as it may', async () => {
  const path = join(folder, 'four')
  fs.writeFileSync(path, 'four')
  expect((await readRegular(path, { most: 4 })).toString()).toBe('four')
  await expect(readRegular(path, { most: 3 })).rejects.toMatchObject({
    code: 'FORMAT',
    message: `Cannot read ${path}: it has 4 bytes, expected at most 3 bytes`,
  })
  await expect(readRegular(folder, { most: 3, action: 'open' })).rejects.toMatchObject({
    code: 'FILE',
    message: `Cannot open ${folder}: it is a folder, expected a file`,
  })
})

test.each([
  [{ ROOTSTOCK_HOME: '/r', KERAS_HOME: '/k' }, '/r/models'],
  [{ KERAS_HOME: '/k' }, '/k/models'],
  [{ ROOTSTOCK_HOME: '', KERAS_HOME: '/k' }, '/k/models'],
  [{}, join(folder, '.keras', 'models')],
])('cacheFolder with %j is %s', (environment, expected) => {
  expect(cacheFolder({ environment, home: folder })).toBe(expected)
})

test('cacheFolder falls back to /tmp when home cannot be written', () => {
  expect(cacheFolder({ environment: {}, home: '/nonexistent/home' })).toBe('/tmp/.keras/models')
})

test('checkWritable says what a write would say, and leaves nothing', () => {
  const place = join(folder, 'place')
  fs.mkdirSync(join(place, 'inner'), { recursive: true })
  fs.writeFileSync(join(place, 'file'), 'old')
  for (const name of ['new', 'file', 'a/b/new']) checkWritable(join(place, name))
  expect(fs.readdirSync(place).sort()).toEqual(['file', 'inner'])
  expect(fs.readFileSync(join(place, 'file'), 'utf8')).toBe('old')
  expect(() => checkWritable(join(place, 'inner'))).toThrow(`Cannot write ${place}/inner: it is not a regular file`)
  expect(() => checkWritable(join(place, 'file/a/b'))).toThrow(/a part of the path is not a folder \(ENOTDIR\)/)
  expect(() => checkWritable(join(place, 'n'.repeat(300)))).toThrow(/the name is too long/)
})

test.runIf(process.platform === 'linux')('checkWritable tries where permissions say nothing', () => {
  expect(() => checkWritable('/proc/a/b.png')).toThrow(/^Cannot write \/proc\/a\/b\.png: /)
})

test('makeFolder makes a folder and those above it, and leaves one that is there', () => {
  const path = join(folder, 'a', 'b', 'c')
  makeFolder(path)
  makeFolder(path)
  expect(fs.statSync(path).isDirectory()).toBe(true)
  fs.writeFileSync(join(folder, 'a', 'file'), '')
  expect(() => makeFolder(join(folder, 'a', 'file'))).toThrow(/EEXIST/)
  expect(() => makeFolder(join(folder, 'a', 'file', 'd'))).toThrow(/ENOTDIR/)
})

// Node's mkdir with `recursive` never comes back from there.
test.runIf(process.platform === 'linux')('makeFolder ends where a folder cannot be made below one that is there', () => {
  expect(() => makeFolder('/proc/rootstock/runs')).toThrow(/ENOENT/)
})

test.skipIf(process.platform === 'win32')('a link to nothing in the place of a folder is told as one', async () => {
  const path = join(folder, 'dangling')
  fs.symlinkSync('nowhere', path)
  await expect(withFolderLock(path, () => Promise.resolve())).rejects.toMatchObject({
    code: 'FILE',
    message: `Cannot make ${path}: a part of the path is a file, or a link to nothing (EEXIST)`,
  })
})
