/** @file Tests of photo folders: Keras's order, hostile contents, and the errors of folders that cannot train. */
import { execFileSync } from 'node:child_process'
import { mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RootstockError } from '../errors.ts'
import { folderOf, jpeg, temporaryFolder } from './folders.cases.ts'
import { imageFolder } from './image-folder.ts'
import type { FolderDataset } from './image-folder.ts'
import { hashAll } from './quarantine.ts'

const HOW = { size: [3, 5], preprocessing: 'none' } as const

function relative(dataset: FolderDataset): string[] {
  return Array.from(dataset.labels, (_, index) =>
    dataset
      .file(index)
      .toString()
      .slice(dataset.root.length + 1),
  )
}

async function failure(path: string, options: Parameters<typeof imageFolder>[1] = {}): Promise<RootstockError> {
  const error = await imageFolder(path, options)
    .open()
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
  if (!(error instanceof RootstockError)) throw new Error(`expected a RootstockError, got ${String(error)}`)
  expect(error.message).not.toContain('\n')
  expect(error.message.endsWith('.')).toBe(false)
  return error
}

describe('imageFolder order', () => {
  test('is that of Keras: classes by name, then folders by path, then files by code point', async () => {
    const root = await folderOf([
      'dog/b.jpg',
      'dog/B.png',
      'dog/a/z.jpg',
      'dog/a-b/y.jpg',
      'cat/10.jpg',
      'cat/2.jpg',
      'cat/é.JPG',
      'cat/z.jpg',
    ])
    const dataset = await imageFolder(root).open()
    expect(dataset.classNames).toEqual(['cat', 'dog'])
    expect(relative(dataset)).toEqual([
      'cat/10.jpg',
      'cat/2.jpg',
      'cat/z.jpg',
      'cat/é.JPG',
      'dog/B.png',
      'dog/b.jpg',
      'dog/a/z.jpg',
      'dog/a-b/y.jpg',
    ])
    expect([...dataset.labels]).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
    expect(dataset.defaults).toEqual({ interpolation: 'nearest', exif: 'apply', labelMode: 'categorical', shuffle: true })
  })

  test('follows classNames, which may leave classes out', async () => {
    const root = await folderOf(['a/1.jpg', 'b/1.jpg', 'c/1.jpg'])
    const dataset = await imageFolder(root, { classNames: ['c', 'a'] }).open()
    expect([dataset.classNames, relative(dataset), [...dataset.labels]]).toEqual([
      ['c', 'a'],
      ['c/1.jpg', 'a/1.jpg'],
      [0, 1],
    ])
  })

  test('scans once', async () => {
    const folder = imageFolder(await folderOf(['a/1.jpg', 'b/1.jpg']))
    expect(await folder.open()).toBe(await folder.open())
  })
})

describe('imageFolder with hostile contents', () => {
  test('takes classes named __proto__, constructor and train, and ignores "..x" as hidden', async () => {
    const root = await folderOf([
      '__proto__/1.jpg',
      'constructor/1.jpg',
      'constructor/2.jpg',
      'train/1.jpg',
      '..x/1.jpg',
      'zebra/..2.jpg',
      'zebra/1.jpg',
    ])
    const dataset = await imageFolder(root).open()
    expect(dataset.classNames).toEqual(['__proto__', 'constructor', 'train', 'zebra'])
    expect([...dataset.labels]).toEqual([0, 1, 1, 2, 3])
  })

  test('keeps names byte for byte and prints them in one line', async () => {
    const names = ['new\nline.jpg', 'quo"te\'.jpg', 'turn\u202egpj.jpg', ' space .jpg', `${'x'.repeat(251)}.jpg`]
    const root = await folderOf(['cat/1.jpg', ...names.map((name) => `dog/${name}`)])
    const dataset = await imageFolder(root).open()
    expect(new Set(relative(dataset))).toEqual(new Set(['cat/1.jpg', ...names.map((name) => `dog/${name}`)]))
    for (let index = 0; index < dataset.size; index++) {
      expect(dataset.describe(index)).not.toMatch(/[\n\u202e]/)
      expect((await dataset.read(index, HOW)).shape).toEqual([3, 5, 3])
    }
  })

  test.runIf(process.platform === 'linux')('reads names that are not UTF-8', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg'])
    await writeFile(Buffer.concat([Buffer.from(`${root}/cat/`), Buffer.from([0xff, 0xfe]), Buffer.from('.jpg')]), await jpeg(9))
    const dataset = await imageFolder(root).open()
    expect(dataset.describe(1)).toBe(`${root}/cat/\\xff\\xfe.jpg`)
    expect((await dataset.read(1, HOW)).shape).toEqual([3, 5, 3])
  })

  test('notes other files and ignores hidden ones', async () => {
    const root = await folderOf([
      'cat/1.jpg',
      'dog/1.jpg',
      ['cat/notes.txt', 'x'],
      ['dog/labels.csv', 'x'],
      ['dog/Thumbs.db', 'x'],
      ['cat/.DS_Store', 'x'],
      ['.cache/1.jpg', 'x'],
      'loose.jpg',
    ])
    const { size, classNames, skipped } = await imageFolder(root).open()
    expect([size, classNames]).toEqual([2, ['cat', 'dog']])
    expect(new Set(skipped.map(({ path, reason }) => `${path.slice(root.length + 1)}: ${reason}`))).toEqual(
      new Set([
        'loose.jpg: outside the class folders',
        'cat/notes.txt: not a picture by its name',
        'dog/labels.csv: not a picture by its name',
        'dog/Thumbs.db: not a picture by its name',
      ]),
    )
  })

  test.runIf(process.platform !== 'win32')('ends at loops of links and reads no photo twice or under two classes', async () => {
    const root = await folderOf(['cat/1.jpg', 'cat/in/2.jpg', 'dog/1.jpg'])
    await symlink('..', join(root, 'cat/in/up'))
    await symlink('../..', join(root, 'cat/in/root'))
    await symlink('../dog', join(root, 'cat/dogs'))
    await symlink('self', join(root, 'dog/self'))
    await symlink('cat', join(root, 'a-cat'))
    await symlink('nothing.jpg', join(root, 'dog/gone.jpg'))
    const dataset = await imageFolder(root).open()
    expect(relative(dataset)).toEqual(['cat/1.jpg', 'cat/in/2.jpg', 'dog/1.jpg'])
    expect(dataset.skipped.length).toBe(6)
  })

  test.runIf(process.platform !== 'win32')('follows links out of the folder only when told to', async () => {
    const outside = await folderOf(['x/1.jpg'])
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg'])
    await symlink(join(outside, 'x/1.jpg'), join(root, 'cat/linked.jpg'))
    await symlink('1.jpg', join(root, 'cat/again.jpg'))
    await symlink(join(outside, 'x'), join(root, 'dog/linked'))
    expect(relative(await imageFolder(root).open())).toEqual(['cat/1.jpg', 'cat/again.jpg', 'dog/1.jpg'])
    expect(relative(await imageFolder(root, { followLinks: true }).open())).toEqual([
      'cat/1.jpg',
      'cat/again.jpg',
      'cat/linked.jpg',
      'dog/1.jpg',
      'dog/linked/1.jpg',
    ])
  })

  test.runIf(process.platform !== 'win32')('enters a link to a folder below a class only when told to, as Keras does', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg', 'dog/in/2.jpg'])
    await symlink('../dog/in', join(root, 'cat/linked'))
    const dataset = await imageFolder(root).open()
    expect(relative(dataset)).toEqual(['cat/1.jpg', 'dog/1.jpg', 'dog/in/2.jpg'])
    expect(dataset.skipped).toEqual([
      { path: `${root}/cat/linked`, reason: 'a link to a folder (followed with --follow-links, in code followLinks)' },
    ])
    expect(relative(await imageFolder(root, { followLinks: true }).open())).toContain('cat/linked/2.jpg')
  })

  test.runIf(process.platform !== 'win32')("skips pipes, sockets and devices, also where one takes a photo's place", async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg'])
    const pipe = join(root, 'cat/pipe.jpg')
    execFileSync('mkfifo', [pipe])
    const server = createServer().listen(join(root, 'cat/socket.jpg'))
    await new Promise((resolve) => server.once('listening', resolve))
    await symlink('/dev/zero', join(root, 'dog/zero.jpg'))
    const dataset = await imageFolder(root, { followLinks: true }).open()
    expect(relative(dataset)).toEqual(['cat/1.jpg', 'dog/1.jpg'])
    expect(dataset.skipped.map(({ reason }) => reason)).toEqual([
      'a named pipe, not a file',
      'a socket, not a file',
      'a device, not a file',
    ])
    execFileSync('mv', [pipe, join(root, 'cat/1.jpg')])
    await expect(dataset.read(0, HOW)).rejects.toMatchObject({
      code: 'IMAGE',
      message: `Cannot read "${root}/cat/1.jpg": it is not an ordinary file`,
    })
    server.close()
  })

  test('refuses a file that changed after it was hashed', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg'])
    const dataset = await imageFolder(root).open()
    await dataset.hash(0)
    await utimes(join(root, 'cat/1.jpg'), 1, 1)
    await dataset.read(0, HOW)
    await writeFile(join(root, 'cat/1.jpg'), await jpeg(77))
    await expect(dataset.read(0, HOW)).rejects.toMatchObject({ code: 'IMAGE' })
  })

  test('a run that begins after a photo was edited sees the photo as it is now', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg'])
    const folder = imageFolder(root)
    const [before, other] = await hashAll(await folder.open())
    await writeFile(join(root, 'cat/1.jpg'), await jpeg(77))
    const dataset = await folder.open()
    await dataset.read(0, HOW)
    const [after, still] = await hashAll(dataset)
    expect(after).not.toBe(before)
    expect(still).toBe(other)
    await rm(join(root, 'cat/1.jpg'))
    expect((await hashAll(await folder.open()))[0]).toBeUndefined()
  })
})

describe('imageFolder errors', () => {
  test('missing folder offers the nearest names', async () => {
    const root = await folderOf(['photos/cat/1.jpg'])
    const error = await failure(join(root, 'fotos'))
    expect([error.code, error.message, error.hint]).toEqual([
      'DATA',
      `Cannot read "${root}/fotos": there is no such folder`,
      `Did you mean "${root}/photos"?`,
    ])
  })

  test.skipIf(process.platform !== 'linux')(
    'a folder whose name is not UTF-8 is not offered under the very name that was given',
    async () => {
      const root = await folderOf(['x/1.jpg', 'x/2.jpg'])
      await mkdir(Buffer.concat([Buffer.from(`${root}/photos`), Buffer.of(0xff)]))
      const error = await failure(join(root, 'photos\ufffd'))
      expect([error.code, error.hint]).toEqual(['DATA', expect.stringMatching(/^A name in it is not UTF-8, .*ln -s/)])
    },
  )

  test.runIf(process.platform !== 'win32')('nothing but links that are left out', async () => {
    const root = await folderOf(['photos/cat/1.jpg', 'photos/dog/1.jpg', ['links/.keep', ''], ['loops/.keep', '']])
    for (const name of ['cat', 'dog']) await symlink(`../photos/${name}`, join(root, 'links', name))
    await symlink('.', join(root, 'loops', 'again'))
    expect((await failure(join(root, 'links'))).message).toMatch(
      /no class folders; skipped there: ".*cat", a link that leads out of the folder/,
    )
    expect((await failure(join(root, 'loops'))).message).toMatch(/no class folders; skipped there: ".*again", the same folder as/)
  })

  test.each<readonly [string, readonly (string | [string, string])[], RegExp]>([
    ['empty folder', [], /the folder is empty, expected one folder of pictures per class$/],
    ['only other files', [['a.txt', '']], /found 1 other file and no class folders/],
    ['no class folders', ['1.jpg', '2.jpg'], /found 2 pictures and no class folders/],
    ['one class', ['cat/1.jpg'], /found one class, "cat", expected at least two$/],
    [
      'a class with no picture',
      ['cat/1.jpg', ['dog/a.txt', '']],
      /class "dog" has no picture; skipped there: ".*a\.txt", not a picture by its name$/,
    ],
  ])('%s', async (_, paths, message) => {
    const error = await failure(await folderOf(paths))
    expect(error.code).toBe('DATA')
    expect(error.message).toMatch(message)
    expect(error.hint).toBeTruthy()
  })

  test('a file in place of the folder, an unknown class and a third class in binary mode', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg', 'emu/1.jpg'])
    expect((await failure(join(root, 'cat/1.jpg'))).message).toContain('found a file, expected a folder')
    const unknown = await failure(root, { classNames: ['cat', 'dgo'] })
    expect([unknown.code, unknown.hint]).toEqual(['DATA', 'Did you mean "dog"?'])
    expect((await failure(root, { labelMode: 'binary' })).message).toContain('found 3 classes, expected 2')
  })

  test('one class is judged before its contents are hidden by an empty one', async () => {
    const root = await temporaryFolder()
    await mkdir(join(root, 'cat'))
    expect((await failure(root)).message).toContain('found one class')
  })

  test.runIf(process.getuid?.() === 0)('no permission', async () => {
    const root = await folderOf(['cat/1.jpg', 'dog/1.jpg', 'locked/1.jpg'])
    execFileSync('chmod', ['755', root, join(root, 'cat'), join(root, 'dog')])
    execFileSync('chmod', ['700', join(root, 'locked')])
    execFileSync('chmod', ['600', join(root, 'cat/1.jpg')])
    process.seteuid?.(65534)
    try {
      const error = await failure(root)
      expect([error.code, error.message]).toEqual(['DATA', `Cannot read the folder "${root}/locked": permission is denied (EACCES)`])
      const dataset = await imageFolder(root, { classNames: ['cat', 'dog'] }).open()
      await expect(dataset.read(0, HOW)).rejects.toMatchObject({
        code: 'IMAGE',
        message: `Cannot read "${root}/cat/1.jpg": permission is denied (EACCES)`,
      })
    } finally {
      process.seteuid?.(0)
    }
  })

  test('wrong options are refused at once', () => {
    expect(() => imageFolder('x', { targetSize: [0, 5] })).toThrow(/targetSize is \[0,5\]/)
    expect(() => imageFolder('x', { interpolation: 'bilinar' as 'bilinear' })).toThrow(/Unknown interpolation/)
    expect(() => imageFolder('x', { classNames: ['a', 'a'] })).toThrow(/twice/)
  })

  test.each<readonly [object, RegExp]>([
    [{ targetSize: 224 }, /targetSize is 224, expected \[height, width\] in whole pixels/],
    [{ targetSize: null }, /targetSize is null/],
    [{ labelMode: 1 }, /Unknown label mode "1"/],
    [{ exif: 'no' }, /Unknown exif "no"/],
    [{ preprocessing: 'inceptionV3' }, /Unknown preprocessing "inceptionV3"/],
    [{ classNames: 'cat' }, /classNames is "cat", expected a list of names/],
    [{ classNames: [1, 2] }, /classNames is \[1,2\]/],
    [{ extensions: '.jpg' }, /extensions is ".jpg", expected a list/],
    [{ extensions: ['jpg'] }, /extensions is \[jpg\], expected a list of extensions with their dot/],
  ])('options of other types are refused at once: %j', (options, message) => {
    expect(() => imageFolder('x', options)).toThrow(
      expect.objectContaining({ name: 'RootstockError', message: expect.stringMatching(message) as string }),
    )
  })

  test('a path or options of another type are refused at once', () => {
    for (const path of [null, 5, ['x'], new URL('file:///x')])
      expect(() => imageFolder(path as unknown as string)).toThrow(/the path is .*, expected a string/)
    expect(() => imageFolder('x', 'categorical' as unknown as object)).toThrow(
      /options of imageFolder: found "categorical", expected an object/,
    )
  })
})
