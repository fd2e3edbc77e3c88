/** @file Tests of prepare: the tutorial's folders out of numbered files, whole or not at all. */
import { existsSync, readdirSync } from 'node:fs'
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RootstockError } from '../errors.ts'
import { folderOf, jpeg, temporaryFolder } from './folders.cases.ts'
import { byNameLabel } from './label-names.ts'
import { copiedNote } from './prepared-folder.ts'
import { prepare } from './prepare.ts'
import { splitOf } from './split.ts'

const SHARED = new URL('../../../shared/data/photos/', import.meta.url).pathname
const COUNTS = { train: 3, validation: 2, test: 1 }

function tree(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** cat.FROM … and dog.FROM … */
function pets(count: number, from = 0): string[] {
  return ['cat', 'dog'].flatMap((name) => Array.from({ length: count }, (_, i) => `${name}.${i + from}.jpg`))
}

async function target(): Promise<string> {
  return join(await temporaryFolder(), 'deep', 'out')
}

describe('prepare numbered files', () => {
  test('takes them in numerical order: train, validation, test', async () => {
    const source = await folderOf(pets(12, 1))
    const out = await target()
    const { counts, notes, classNames } = await prepare(source, out, { train: 9, validation: 2, test: 1 })
    expect(tree(join(out, 'train/cat'))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `cat.${i}.jpg`))
    expect(tree(join(out, 'validation/dog'))).toEqual(['dog.10.jpg', 'dog.11.jpg'])
    expect(tree(join(out, 'test'))).toEqual(['cat/cat.12.jpg', 'dog/dog.12.jpg'])
    expect(await readFile(join(out, 'test/dog/dog.12.jpg'))).toEqual(await readFile(join(source, 'dog.12.jpg')))
    expect([classNames, [...counts.train]]).toEqual([
      ['cat', 'dog'],
      [
        ['cat', 9],
        ['dog', 9],
      ],
    ])
    expect(notes).toEqual(
      ['cat', 'dog'].map((name) => `"${name}": 12 photos, numbered 1 to 12; in this order 9 train, 2 validation, 1 test`),
    )
    expect((await splitOf(out)).layout).toBe('split')
  })

  test('says what is missing in the numbering and what is not used', async () => {
    const source = await folderOf([...pets(3), 'cat.7.jpg', 'dog.3.jpg', 'readme.jpg', ['notes.txt', '']])
    const { notes } = await prepare(source, await target(), { train: 2, validation: 1 })
    expect(notes).toEqual([
      'Without a label: 1 picture, such as "readme.jpg"',
      `Skipped: 1 other file; the first is "${source}/notes.txt", not a picture by its name`,
      '"cat": 4 photos, numbered 0 to 7 with 4 missing; in this order 2 train, 1 validation, 0 test; not used: the last 1',
      '"dog": 4 photos, numbered 0 to 3; in this order 2 train, 1 validation, 0 test; not used: the last 1',
    ])
  })

  test('without counts gives 70, 15 and 15 of a hundred', async () => {
    const { counts } = await prepare(await folderOf(pets(20)), await target())
    expect([counts.train, counts.validation, counts.test].map((part) => part.get('dog'))).toEqual([14, 3, 3])
  })

  test('names found and wanted when there are too few', async () => {
    const source = await folderOf([...pets(5), 'dog.5.jpg'])
    const out = await target()
    await expect(prepare(source, out, COUNTS)).rejects.toMatchObject({
      code: 'DATA',
      message: `Cannot prepare "${source}": class "cat" has 5 photos, expected at least 6 (train 3 + validation 2 + test 1)`,
    })
    expect(existsSync(out)).toBe(false)
  })

  test.each<readonly [readonly string[], readonly string[] | undefined, Record<string, string[]>]>([
    [['cat.0', 'cat.10', 'cat.9', 'dog.0'], undefined, { cat: ['cat.0', 'cat.9', 'cat.10'], dog: ['dog.0'] }],
    [['cat_0', 'cat-2', 'cat1', 'dog 3'], undefined, { cat: ['cat_0', 'cat1', 'cat-2'], dog: ['dog 3'] }],
    [['cat (2)', 'cat (1)', 'big dog (1)'], undefined, { 'big dog': ['big dog (1)'], cat: ['cat (1)', 'cat (2)'] }],
    [['Cat.1', 'cat.0', 'dog', 'category.1'], ['dog', 'cat'], { dog: ['dog'], cat: ['cat.0', 'Cat.1'] }],
    [['cat-big.1', 'cat.1'], ['cat', 'cat-big'], { cat: ['cat.1'], 'cat-big': ['cat-big.1'] }],
    [['3_17', '3_2', '317', 'v2 (1)'], undefined, { 3: ['3_2', '3_17'], v2: ['v2 (1)'] }],
    [['constructor.1', 'toString.1', '17', 'plain'], undefined, { constructor: ['constructor.1'], toString: ['toString.1'] }],
  ])('byNameLabel of %j with labels %j', (stems, labels, expected) => {
    const files = stems.map((stem) => ({ name: Buffer.from(`${stem}.jpg`), path: Buffer.from(`${stem}.jpg`), isLink: false }))
    const { byLabel } = byNameLabel(files, labels)
    const found = [...byLabel].map(([label, list]) => [label, list.map(({ file }) => file.name.toString().slice(0, -4))])
    expect(found).toEqual(Object.entries(expected))
  })
})

describe('prepare class folders', () => {
  test('keeps their names, sorts naturally and gives twins in inner folders another name', async () => {
    const source = await folderOf([...pets(6).map((name) => `${name.slice(0, 3)}/${name}`), 'cat/in/cat.0.jpg'])
    const out = await target()
    const { counts } = await prepare(source, out, { train: 4, validation: 1, test: 1 })
    expect(tree(join(out, 'train/cat'))).toEqual(['2_cat.0.jpg', 'cat.0.jpg', 'cat.1.jpg', 'cat.2.jpg'])
    expect(counts.test.get('cat')).toBe(1)
  })

  test('uses only the named ones, and leaves out an output inside the source', async () => {
    const source = await folderOf(['a/1.jpg', 'b/1.jpg', 'c/1.jpg'])
    const out = join(source, 'out')
    expect((await prepare(source, out, { labels: ['c', 'a'], train: 1 })).classNames).toEqual(['c', 'a'])
    expect((await prepare(source, out, { labels: ['c', 'a'], train: 1 })).isUnchanged).toBe(true)
    await expect(prepare(source, out, { labels: ['a', 'x'], train: 1 })).rejects.toMatchObject({ code: 'DATA' })
  })
})

test('prepare names the table that it could not use where it refuses the folder', async () => {
  const source = await folderOf(['1.jpg', '2.jpg'])
  await writeFile(join(source, 'labels.csv'), 'file,foo,bar\n1.jpg,a,b\n')
  await expect(prepare(source, await target())).rejects.toMatchObject({
    code: 'DATA',
    message: expect.stringContaining('labels.csv": line 1 has 3 columns') as string,
  })
})

describe('prepare errors', () => {
  test.each<readonly [string, readonly string[], Parameters<typeof prepare>[2], RegExp]>([
    ['one class', ['cat.0.jpg', 'cat.1.jpg'], {}, /^DATA: Cannot prepare.*found one class, "cat"/],
    ['no labels in the names', ['x.jpg'], {}, /^DATA: Cannot prepare.*found no pictures with a label in their names/],
    ['a label without pictures', pets(3), { labels: ['cat', 'emu'] }, /^DATA: Cannot prepare.*class "emu" has no picture/],
    [
      'labels that differ in case',
      ['cat.0.jpg', 'Cat.0.jpg', 'dog.1.jpg'],
      { train: 1 },
      /^DATA: Cannot prepare.*differ only in upper and lower case/,
    ],
    ['two photos of a class and no counts', pets(2), {}, /^DATA: Cannot prepare.*expected at least 3/],
    ['a split source', ['train/cat/1.jpg', 'test/cat/1.jpg'], {}, /^DATA: Cannot prepare.*already has train, validation or test folders/],
    ['a negative count', pets(3), { train: -1 }, /^USAGE: Cannot prepare.*train is -1/],
    ['validation without train', pets(3), { validation: 1 }, /^USAGE: Cannot prepare.*without train/],
    ['a label that climbs', pets(3), { labels: ['..', 'cat'] }, /^USAGE: Cannot prepare.*the label "\.\."/],
  ])('%s', async (_, paths, options, expected) => {
    const source = await folderOf(paths)
    const out = await target()
    const thrown = await prepare(source, out, options).catch((error: unknown) => error)
    if (!(thrown instanceof RootstockError)) throw new Error(`expected a RootstockError, got ${String(thrown)}`)
    expect(`${thrown.code}: ${thrown.message}`).toMatch(expected)
    expect(existsSync(dirname(out))).toBe(false)
  })

  test('an output that is the source or holds it', async () => {
    const parent = await folderOf(pets(3).map((name) => `photos/${name}`))
    for (const out of [join(parent, 'photos'), parent]) {
      await expect(prepare(join(parent, 'photos'), out, { train: 1, force: true })).rejects.toMatchObject({ code: 'USAGE' })
    }
    expect(tree(parent).length).toBe(6)
  })
})

describe('prepare writes', () => {
  test('nothing the second time, and replaces other content only when forced', async () => {
    const source = await folderOf(pets(6))
    const out = await target()
    await prepare(source, out, COUNTS)
    const before = await stat(join(out, 'train/cat/cat.0.jpg'))
    expect((await prepare(source, out, COUNTS)).isUnchanged).toBe(true)
    expect((await stat(join(out, 'train/cat/cat.0.jpg'))).ino).toBe(before.ino)
    await writeFile(join(out, 'train/cat/cat.0.jpg'), await jpeg(99))
    await expect(prepare(source, out, COUNTS)).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringContaining('holds other files') as string,
    })
    await prepare(source, out, { ...COUNTS, force: true })
    expect(await readFile(join(out, 'train/cat/cat.0.jpg'))).toEqual(await readFile(join(source, 'cat.0.jpg')))
    expect(await readdir(dirname(out))).toEqual(['out'])
  })

  test('into an empty folder, but not over a file', async () => {
    const source = await folderOf(pets(6))
    const out = await target()
    await mkdir(out, { recursive: true })
    await prepare(source, out, COUNTS)
    expect(tree(out).length).toBe(12)
    await writeFile(`${out}-file`, '')
    await expect(prepare(source, `${out}-file`, COUNTS)).rejects.toMatchObject({ code: 'FILE' })
  })

  test('nothing at all when it is canceled midway, and sweeps what a killed run left', async () => {
    const source = await folderOf(pets(6))
    const out = await target()
    const stop = new AbortController()
    const canceled = prepare(source, out, { ...COUNTS, signal: stop.signal, onProgress: (done) => done === 3 && stop.abort() })
    await expect(canceled).rejects.toMatchObject({ code: 'CANCELED' })
    expect(await readdir(dirname(out))).toEqual([])
    await mkdir(join(dirname(out), '.out.preparing-999999999', 'train'), { recursive: true })
    await prepare(source, out, COUNTS)
    expect(await readdir(dirname(out))).toEqual(['out'])
  })

  test.runIf(existsSync('/dev/full') && process.platform === 'linux')('one line when the output cannot be made', async () => {
    const source = await folderOf(pets(6))
    await expect(prepare(source, '/proc/nowhere/out', COUNTS)).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringContaining('Cannot write "/proc/nowhere/out": ') as string,
    })
  })

  test('copies can be written where the source can only be read', async () => {
    const source = await folderOf(pets(6))
    await chmod(join(source, 'cat.0.jpg'), 0o440)
    const out = await target()
    await prepare(source, out, COUNTS)
    expect((await stat(join(out, 'train/cat/cat.0.jpg'))).mode & 0o200).toBe(0o200)
    expect((await stat(join(source, 'cat.0.jpg'))).mode & 0o200).toBe(0)
  })

  test.runIf(process.platform !== 'win32')('hard links and links', async () => {
    const source = await folderOf(pets(6))
    await symlink('cat.5.jpg', join(source, 'cat.6.jpg'))
    const hard = await target()
    await prepare(source, hard, { ...COUNTS, link: 'hardlink' })
    expect((await stat(join(hard, 'train/cat/cat.0.jpg'))).ino).toBe((await stat(join(source, 'cat.0.jpg'))).ino)
    const soft = await target()
    await prepare(source, soft, { ...COUNTS, link: 'symlink' })
    expect((await lstat(join(soft, 'train/cat/cat.0.jpg'))).isSymbolicLink()).toBe(true)
    expect((await splitOf(soft, { folder: { followLinks: true } })).train.size).toBe(6)
  })
})

describe('prepare real photos', () => {
  test.skipIf(!existsSync(SHARED))('needs ../shared/data/photos: cats-dogs as 150, 50 and 50', async () => {
    const out = await target()
    const { counts, notes } = await prepare(join(SHARED, 'cats-dogs'), out, { train: 150, validation: 50, test: 50, link: 'hardlink' })
    expect([counts.train, counts.validation, counts.test].map((part) => [...part.values()])).toEqual([
      [150, 150],
      [50, 50],
      [50, 50],
    ])
    expect(notes[0]).toBe('"cat": 250 photos, numbered 1 to 250; in this order 150 train, 50 validation, 50 test')
    expect(tree(join(out, 'validation/dog'))).toContain('dog.151.jpg')
    expect(tree(out).length).toBe(500)
  })

  test.skipIf(!existsSync(SHARED))('needs ../shared/data/photos: flowers as 20, 4 and 6', async () => {
    const out = await target()
    const { classNames } = await prepare(join(SHARED, 'flowers'), out, { train: 20, validation: 4, test: 6 })
    expect(classNames).toEqual(['daisy', 'dandelion', 'roses', 'sunflowers', 'tulips'])
    const split = await splitOf(out)
    expect([split.train.size, split.validation.size, split.test.size]).toEqual([100, 20, 30])
  })
})

test.each([
  ['EXDEV', ['Copied, as the output is on another disk: 2 photos']],
  // The owner of the photos is somebody else, or the disk has no such links.
  ['EPERM', ['Copied, as the system refused to link them, the operation is not permitted (EPERM): 2 photos']],
])('photos that cannot be linked are copied, and it says why: %s', (code, note) => {
  const error = Object.assign(new Error(code), { code, syscall: 'link' })
  expect(copiedNote([error, error])).toEqual(note)
  expect(copiedNote([])).toEqual([])
})

test('a place that cannot be written is told before photos are looked at', async () => {
  const source = await folderOf([...pets(6), ['file', '']])
  const onLook = (): void => expect.unreachable('the photos were looked at')
  const refused = (out: string) => expect(prepare(source, out, { ...COUNTS, onLook })).rejects
  await refused(source).toMatchObject({ code: 'USAGE', message: expect.stringMatching(/is the source or holds it/) as string })
  const inFile = join(source, 'file', 'out')
  await refused(inFile).toMatchObject({
    code: 'FILE',
    message: expect.stringMatching(`^Cannot write "${inFile}": a part of the path`) as string,
  })
})
