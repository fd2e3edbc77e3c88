/** @file Tests of photo folders that training has written into: runs are no classes, and their pictures no photos. */
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folderOf } from './folders.cases.ts'
import { scanFolder } from './image-folder.ts'
import { prepare } from './prepare.ts'
import { splitOf } from './split.ts'

type Files = Parameters<typeof folderOf>[0]

/** A run as far as it can be told by. */
const runAt = (folder: string): Files => [[`${folder}/run.json`, '{"format":1,"rootstock":"0.1.0"}'], `${folder}/results.png`]

describe('a photo folder', () => {
  test.each<readonly [string, Files, readonly string[]]>([
    ['a run', [...runAt('out'), ['out/last.ckpt/a', '']], ['out']],
    ['runs', [...runAt('runs/a'), ...runAt('runs/b'), ['runs/notes.txt', '']], ['runs']],
    ['runs of a year', runAt('runs/2026/a'), ['runs']],
    ['a run in a class', runAt('dog/out'), ['dog/out']],
    ['a run that has only begun', [['runs/mobilenet-20261123-214455-2/run.lock', '']], ['runs']],
  ])('gives no picture of %s', async (_, files, left) => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg', ...files])
    const { classNames, size, skipped } = await scanFolder(root, {})
    expect([classNames, size]).toEqual([['cat', 'dog'], 2])
    expect(skipped).toEqual(left.map((name) => ({ path: join(root, name), reason: 'a folder of runs' })))
  })

  const preparedIn = (folder: string, ...names: readonly string[]): string[] =>
    ['train', 'test'].flatMap((part) => names.map((name) => `${folder}/${part}/${name}/1.jpg`))

  test('gives no picture of copies that prepare has sorted out of it, and says so', async () => {
    const root = await folderOf([...['cat', 'dog'].flatMap((name) => [1, 2, 3, 4].map((i) => `${name}/${i}.jpg`))])
    for (const out of ['sorted', 'again']) expect((await prepare(root, join(root, out))).classNames).toEqual(['cat', 'dog'])
    const { classNames, size, skipped } = await scanFolder(root, {})
    expect([classNames, size]).toEqual([['cat', 'dog'], 8])
    expect(skipped.map(({ reason }) => reason)).toEqual(['a folder of prepared copies', 'a folder of prepared copies'])
    const { notes } = await splitOf(root)
    expect(notes).toContain(`Left out: 2 folders of prepared copies of the classes beside; the first is "${join(root, 'again')}"`)
  })

  test.each<readonly [string, Files]>([
    ['folders train and test of other classes', preparedIn('x', 'a', 'b')],
    ['folders train and test of one class', preparedIn('x', 'cat')],
    ['folders train and test and a photo', [...preparedIn('x', 'cat', 'dog'), 'x/1.jpg']],
    ['another folder beside train', [...preparedIn('x', 'cat', 'dog'), 'x/more/1.jpg']],
  ])('keeps a class with %s', async (_, files) => {
    expect((await scanFolder(await folderOf(['cat/1.jpg', 'dog/1.jpg', ...files]), {})).classNames).toEqual(['cat', 'dog', 'x'])
  })

  test.each<readonly [string, Files]>([
    ['the run.json of another program', [['x/run.json', '{"id":7}'], 'x/1.jpg']],
    ['a run.json that is no JSON', [['x/run.json', 'rootstock'], 'x/1.jpg']],
    ['photos beside a run', [...runAt('x/out'), 'x/1.jpg']],
    ['photos in a folder beside a run', [...runAt('x/out'), 'x/in/1.jpg']],
  ])('keeps a class with %s', async (_, files) => {
    const { classNames, size } = await scanFolder(await folderOf(['cat/1.jpg', ...files]), {})
    expect([classNames, size]).toEqual([['cat', 'x'], 2])
  })

  test.runIf(process.platform !== 'win32')('may hold links to the latest run, to nothing and in circles', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg', ...runAt('runs/a'), ['empty/notes.txt', '']])
    await symlink('a', join(root, 'runs/latest'))
    await symlink('gone', join(root, 'runs/oldest'))
    for (const name of ['a', 'b']) await symlink('.', join(root, 'empty', name))
    expect((await scanFolder(root, {})).classNames).toEqual(['cat', 'dog', 'empty'])
  })

  test('that is split, or is prepared, has no part or class more than before', async () => {
    const photos = ['train', 'test'].flatMap((part) => ['cat', 'dog'].flatMap((name) => [1, 2, 3].map((i) => `${part}/${name}/${i}.jpg`)))
    const split = await splitOf(await folderOf([...photos, ...runAt('runs/a'), ...runAt('validation')]))
    expect([split.layout, split.classNames]).toEqual(['split', ['cat', 'dog']])
    expect(split.notes).toContain('Not used beside the parts: runs, validation')
    const only = await splitOf(await folderOf([...photos.filter((name) => name.startsWith('train')), ...runAt('runs/a')]))
    expect([only.layout, only.classNames]).toEqual(['split', ['cat', 'dog']])
    const root = await folderOf([...['cat', 'dog'].flatMap((name) => [1, 2, 3].map((i) => `${name}/${i}.jpg`)), ...runAt('runs/a')])
    const { classNames, notes } = await prepare(root, join(root, 'sorted'))
    expect(classNames).toEqual(['cat', 'dog'])
    expect(notes).toContain(`Left out: 1 folder of runs, no photos; the first is "${join(root, 'runs')}"`)
  })
})
