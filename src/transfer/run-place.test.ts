/** @file Tests of where a run may lie beside its photos. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refuseTakenFolder } from './run-folder.ts'
import { refusePhotoFolder } from './run-place.ts'
import { trainClassifier } from './train-classifier.ts'

const root = mkdtempSync(join(tmpdir(), 'rootstock-place-'))
const at = (...names: string[]): string => join(root, ...names)
afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeAll(() => {
  for (const name of ['cat', 'dog/in', 'empty', 'run', 'killed', '..odd']) mkdirSync(at('photos', name), { recursive: true })
  mkdirSync(at('beside'))
  const files = ['photos/cat/1.jpg', 'photos/dog/in/1.jpg', 'photos/run/run.json', 'photos/killed/run.lock', 'photos/..odd/1.jpg']
  for (const name of [...files, 'photos/labels.csv', 'beside/1.jpg']) writeFileSync(at(name), '')
  symlinkSync(at('photos'), at('link'), 'junction')
})

describe('refuseTakenFolder', () => {
  it('keeps the files of others that a run would replace, and takes what a killed run left', async () => {
    mkdirSync(at('project'))
    writeFileSync(at('project', 'README.md'), 'mine')
    await expect(trainClassifier(at('photos'), { out: at('project') })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(
        /project: it holds README\.md, which the run would replace, expected a folder for the run alone$/,
      ) as string,
    })
    mkdirSync(at('begun', 'last.ckpt'), { recursive: true })
    for (const name of ['log.txt', 'run.lock', 'notes.txt']) writeFileSync(at('begun', name), '')
    await expect(refuseTakenFolder(at('begun'), false)).resolves.toBeUndefined()
    await expect(refuseTakenFolder(at('project'), true)).resolves.toBeUndefined()
  })
})

describe('refusePhotoFolder', () => {
  it.each([
    ['photos', 'photos', /^Cannot train into .*photos: the photos lie there, expected a folder for the run alone$/],
    ['link', 'photos', /: the photos lie there/],
    ['photos', 'link', /: the photos lie there/],
    ['photos', 'photos/labels.csv', /: the photos lie there/],
    ['photos/cat', 'photos', /: it is one of the folders in .*photos and holds "1\.jpg", expected/],
    ['photos/dog', 'photos', /holds "in"/],
    ['photos/dog/in', 'photos', /holds "1\.jpg"/],
    ['photos/..odd', 'photos', /holds "1\.jpg"/],
  ])('refuses %s for the photos in %s', async (run, photos, message) => {
    await expect(refusePhotoFolder(at(run), at(photos))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(message) as string,
    })
  })

  it.each([
    ['a new folder inside', 'photos/new', 'photos'],
    ['an empty one', 'photos/empty', 'photos'],
    ['one that a killed run has locked', 'photos/killed', 'photos'],
    ['a run, which is judged elsewhere', 'photos/run', 'photos'],
    ['a folder beside', 'beside', 'photos'],
    ['the folder that holds the photos', '.', 'photos'],
    ['photos that are not there, which is told elsewhere', 'beside', 'gone'],
  ])('accepts %s', async (_, run, photos) => {
    await expect(refusePhotoFolder(at(run), at(photos))).resolves.toBeUndefined()
  })

  it('is asked before trainClassifier reads a photo', async () => {
    await expect(trainClassifier(at('photos'), { out: at('photos/cat') })).rejects.toMatchObject({ code: 'USAGE' })
  })
})
