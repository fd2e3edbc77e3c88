/** @file Tests of labels from names and tables, and of groups from patterns and tables. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folderOf, numbered, temporaryFolder } from './folders.cases.ts'
import { groupsOf } from './groups.ts'
import { imageFolder } from './image-folder.ts'
import type { FolderDataset } from './image-folder.ts'
import { photoFinder } from './photo-names.ts'
import { splitOf } from './split.ts'
import { readTable } from './table.ts'

const FLAT = ['cat.0', 'cat.1', 'dog.0', 'dog.1', 'dog.10'].map((name) => `${name}.jpg`)

function labelled(dataset: FolderDataset): string[] {
  return Array.from(
    dataset.labels,
    (label, index) =>
      `${dataset
        .file(index)
        .toString()
        .slice(dataset.root.length + 1)}=${dataset.classNames[label] ?? ''}`,
  )
}

async function tableFile(name: string, content: string | Buffer): Promise<string> {
  const path = join(await temporaryFolder(), name)
  await writeFile(path, content)
  return path
}

describe('imageFolder recognises labels', () => {
  test('in file names such as cat.0.jpg', async () => {
    const dataset = await imageFolder(await folderOf(FLAT)).open()
    expect([dataset.source, dataset.classNames, [...dataset.labels]]).toEqual(['names', ['cat', 'dog'], [0, 0, 1, 1, 1]])
    expect(dataset.notes).toEqual(['Labels from the file names, as in "cat.0.jpg": "cat", "dog"'])
  })

  test.each([
    ['camera names', ['IMG_1.jpg', 'IMG_2.jpg', 'DSC_1.jpg', 'DSC_2.jpg']],
    ['names used once', ['paris.1.jpg', 'london.1.jpg', 'rome.1.jpg']],
    ['many names without a label', ['cat.1.jpg', 'cat.2.jpg', 'dog.1.jpg', 'dog.2.jpg', 'a.jpg', 'b.jpg', 'c.jpg']],
  ])('but not in %s', async (_, names) => {
    await expect(imageFolder(await folderOf(names)).open()).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('no class folders') as string,
    })
  })

  test('and keeps class folders where stray pictures lie beside them', async () => {
    const dataset = await imageFolder(await folderOf([...FLAT, 'cat/1.jpg', 'dog/1.jpg'])).open()
    expect([dataset.source, labelled(dataset), dataset.notes]).toEqual(['folders', ['cat/1.jpg=cat', 'dog/1.jpg=dog'], []])
    const named = await imageFolder(dataset.root, { labelsFrom: 'names' }).open()
    expect([named.source, named.size]).toEqual(['names', 5])
  })

  test.each([
    ['labels.csv', 'file,label\r\nx/1.jpg,"a, b"\r\n"2.jpg",c\r\nx/3.jpg,c\r\n', 'csv'],
    ['labels.csv', '\ufefffile;label\nx/1.jpg;a, b\n2.jpg;c\n3.jpg;c\n', 'csv'],
    ['labels.tsv', 'label\tpath\na, b\t./x/1.jpg\nc\t2.jpg\nc\tx\\3.jpg\n', 'csv'],
    ['labels.csv', 'id,breed\n1,"a, b"\n2,c\n3,c\n', 'csv'],
    ['labels.csv', 'x/1.jpg,"a, b"\n2.jpg,c\nx/3.jpg,c', 'csv'],
    [
      'labels.jsonl',
      '{"file_name":"x/1.jpg","label":"a, b"}\n\n{"label":"c","file_name":"2.jpg"}\n{"file_name":"3.jpg","label":"c","w":3}\n',
      'jsonl',
    ],
    [
      'metadata.jsonl',
      '{"file_name":"x/1.jpg","label":"a, b"}\n{"label":"c","file_name":"2.jpg"}\n{"file_name":"3.jpg","label":"c"}',
      'jsonl',
    ],
  ])('in the table %s (%j)', async (name, content, source) => {
    const root = await folderOf(['x/1.jpg', '2.jpg', 'x/3.jpg', 'x/unnamed.jpg', [name, content]])
    for (const path of [root, join(root, name)]) {
      const dataset = await imageFolder(path).open()
      expect([dataset.source, labelled(dataset)]).toEqual([source, ['x/1.jpg=a, b', '2.jpg=c', 'x/3.jpg=c']])
      expect(dataset.notes).toEqual([`Labels from "${join(root, name)}": 3 photos in 2 classes`])
      expect(dataset.skipped).toContainEqual({ path: join(root, 'x/unnamed.jpg'), reason: `not named in "${name}"` })
    }
  })

  test('in a table given by its path, with numbers as classes in their order', async () => {
    const root = await folderOf(['1.jpg', '2.jpg', '3.jpg', '4.jpg'])
    const table = await tableFile('anything.csv', 'image,class\n1.jpg,10\n2.jpg,9\n3.jpg,9\n4.jpg,\n')
    const dataset = await imageFolder(root, { labelsFrom: { table } }).open()
    expect([dataset.classNames, labelled(dataset)]).toEqual([
      ['9', '10'],
      ['2.jpg=9', '3.jpg=9', '1.jpg=10'],
    ])
    expect(dataset.skipped[0]).toEqual({ path: '4.jpg', reason: `it has no label, line 5 of "${table}"` })
  })

  test('in a table with rows that name no photo or no label, which are counted by themselves', async () => {
    const rows = [1, 2, 3, 4].map((i) => `${i}.jpg,${i % 2 === 0 ? 'a' : 'b'}`)
    const files = [1, 2, 3, 4, 5].map((i) => `${i}.jpg`)
    const root = await folderOf([...files, ['labels.csv', ['file,label', ...rows, 'gone.jpg,a', '5.jpg,', ''].join('\n')]])
    const { notes } = await splitOf(root)
    const table = join(root, 'labels.csv')
    expect(notes).toContain(`Not used: 2 rows of the table; the first is "gone.jpg", there is no such photo, line 6 of "${table}"`)
    expect(notes).toContain(`Skipped: 2 other files; the first is "${table}", not a picture by its name`)
  })

  test('in class folders beside a table that has no labels, and says so', async () => {
    const root = await folderOf(['a/1.jpg', 'b/1.jpg', ['metadata.csv', 'file_name,width,height\na/1.jpg,6,4\n']])
    const dataset = await imageFolder(root).open()
    expect([dataset.source, dataset.notes]).toEqual([
      'folders',
      [`Not used for labels: "${root}/metadata.csv": line 1 has 3 columns ("file_name", "width", "height"), expected "file" and "label"`],
    ])
  })

  const OTHER_COLUMNS = 'file,foo,bar\n1.jpg,a,b\n'

  test('in names beside a table that has no labels, and says so', async () => {
    const root = await folderOf(['cat.0.jpg', 'cat.1.jpg', 'dog.0.jpg', 'dog.1.jpg', ['labels.csv', OTHER_COLUMNS]])
    const { source, notes } = await imageFolder(root).open()
    expect([source, notes[0]]).toEqual(['names', expect.stringContaining('Not used for labels: ')])
  })

  test('in the next table where the first has no labels, and says so', async () => {
    const labels = 'file_name,label\n1.jpg,a\n2.jpg,b\n'
    const root = await folderOf(['1.jpg', '2.jpg', ['labels.csv', OTHER_COLUMNS], ['metadata.csv', labels]])
    const { source, classNames, notes } = await imageFolder(root).open()
    expect([source, classNames]).toEqual(['csv', ['a', 'b']])
    expect(notes.slice(0, 2)).toEqual([
      expect.stringMatching(/^Not used for labels: .*labels\.csv": line 1 has 3 columns/),
      `Labels from "${root}/metadata.csv": 2 photos in 2 classes`,
    ])
  })

  test.each([
    ['no class folders', ['1.jpg', '2.jpg']],
    ['one class folder', ['img/1.jpg', 'img/2.jpg']],
    ['an empty class folder', ['a/1.jpg', 'b/notes.txt']],
  ])('a folder with %s is refused with what is wrong with its table', async (_, paths) => {
    const root = await folderOf([...paths, ['labels.csv', OTHER_COLUMNS]])
    await expect(imageFolder(root).open()).rejects.toMatchObject({
      message: expect.stringMatching(/; not used for labels: .*labels.csv": line 1 has 3 columns/) as string,
      hint: expect.stringMatching(/^Correct the table, or do without it: /) as string,
    })
  })

  test('and splitOf uses and notes them', async () => {
    const names = ['cat', 'dog'].flatMap((label) => Array.from({ length: 8 }, (_, i) => `${label}.${i}.jpg`))
    const root = await folderOf(names)
    const split = await splitOf(root)
    expect([split.layout, split.source, split.train.size + split.validation.size + split.test.size]).toEqual(['flat', 'names', 16])
    expect(split.notes[0]).toBe('Labels from the file names, as in "cat.0.jpg": "cat", "dog"')
    await writeFile(
      join(root, 'labels.csv'),
      ['file,label', ...names.map((name, i) => `${name},${i % 2 === 0 ? 'even' : 'odd'}`)].join('\n'),
    )
    for (const path of [root, join(root, 'labels.csv')]) expect((await splitOf(path)).classNames).toEqual(['even', 'odd'])
  })
})

describe('tables with faults', () => {
  test.each([
    ['t.csv', '', /it is empty/],
    ['t.csv', 'a,b,c\n1,2,3\n', /line 1 has 3 columns \("a", "b", "c"\), expected "file" and "label"/],
    ['t.csv', 'file,label\n"1.jpg,cat\n', /Quote Not Closed/],
    ['t.csv', 'file,label\n1.jpg,cat,dog\n', /Invalid Record Length/],
    ['t.csv', Buffer.from([0x66, 0xff, 0xfe]), /not UTF-8/],
    ['t.jsonl', '{"file":"1.jpg"', /line 1 is not JSON/],
    ['t.jsonl', '[1]', /line 1 is not a JSON object/],
    ['t.jsonl', '{"file":"1.jpg","label":["cat"]}', /line 1 has a value/],
    ['t.txt', 'x', /ends in .csv/],
  ])('%s %j', async (name, content, message) => {
    await expect(readTable(await tableFile(name, content), 'label')).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringMatching(message) as string,
    })
  })

  test('never lead out of the folder, and name what they cannot find', async () => {
    const root = await folderOf(['in/1.jpg', 'in/2.jpg', 'out/secret.jpg'])
    const rows = ['../out/secret.jpg,a', '/etc/passwd,a', '.hidden.jpg,b']
    await writeFile(join(root, 'in/labels.csv'), ['file,label', '1.jpg,a', '2.jpg,b', ...rows].join('\n'))
    await expect(imageFolder(join(root, 'in')).open()).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('3 of 5 rows name no photo') as string,
    })
  })

  test('refuse two labels for a photo', async () => {
    const root = await folderOf(['1.jpg', '2.jpg', ['labels.csv', 'file,label\n1.jpg,a\n2.jpg,b\n./1.jpg,b\n']])
    await expect(imageFolder(root).open()).rejects.toMatchObject({
      message: expect.stringContaining('has the label "a" in line 2 and "b" in line 4') as string,
    })
  })

  test('are read or refused whatever they hold', async () => {
    const path = await tableFile('any.csv', '')
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', ',', ';', '"', '\n', '\r', '\t', 'file', 'label', '.jpg') }),
        async (content) => {
          await writeFile(path, content)
          const result = await readTable(path, 'label').catch((error: unknown) => error)
          if (result instanceof Error) expect(result).toMatchObject({ name: 'RootstockError', code: 'DATA' })
          else expect(result).toMatchObject({ kind: 'csv' })
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('photoFinder', () => {
  const find = photoFinder(['a/1.jpg', 'b/1.jpg', 'b/2.jpg', 'e\u0301.png', 'x.y.jpg'])
  test.each([
    ['a/1.jpg', 0],
    ['./b/1.jpg', 1],
    ['b\\2.jpg', 2],
    ['2.jpg', 2],
    ['elsewhere/2.jpg', 2],
    ['2', 2],
    ['x.y', 4],
    ['\u00e9.png', 3],
    ['1.jpg', 'several'],
    ['3.jpg', 'none'],
    ['2.png', 'none'],
    ['', 'none'],
  ])('%s', (name, found) => {
    const match = find(name)
    expect(match.kind === 'one' ? match.index : match.kind).toBe(found)
  })
})

describe('groupsOf', () => {
  const photos = ['cat/tom_1.jpg', 'cat/tom_2.jpg', 'dog/rex_1.jpg', 'dog/stray.jpg']

  test.each([
    [/^([a-z]+)_/, ['tom', 'tom', 'rex', undefined]],
    [/^([a-z]+)_/g, ['tom', 'tom', 'rex', undefined]],
    ['^([a-z]+)(?:_\\d)', ['tom', 'tom', 'rex', undefined]],
    [/^(cat|dog)\//, ['cat', 'cat', 'dog', 'dog']],
  ])('takes %s', async (groupPattern, names) => {
    expect((await groupsOf(photos, { groupPattern })).names).toEqual(names)
  })

  test.each([
    [{ groupPattern: '(' }, /Invalid regular expression/],
    [{ groupPattern: /tom/ }, /has 0 capture groups, expected 1/],
    [{ groupPattern: /(t)(o)/ }, /has 2 capture groups/],
    [{ groupPattern: /^(\d+)$/ }, /no name fits .* such as "cat\/tom_1.jpg"/],
    [{ groupPattern: /(t)/, groups: 'x.csv' }, /both/],
  ])('refuses %o', async (options, message) => {
    await expect(groupsOf(photos, options)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) as string })
  })

  test('reads a table', async () => {
    const groups = await tableFile('owners.csv', 'file,label,patient\ntom_1.jpg,cat,7\ncat/tom_2.jpg,cat,7\nrex_1.jpg,dog,8\n')
    const found = await groupsOf(photos, { groups })
    expect([found.names, found.notes]).toEqual([
      ['7', '7', '8', undefined],
      [`Photos that stay together by "${groups}": 2 groups; 1 photo in none`],
    ])
    await expect(groupsOf(['z.jpg'], { groups })).rejects.toMatchObject({ code: 'DATA' })
  })
})

describe('splitOf with groups', () => {
  const animals = Array.from({ length: 24 }, (_, i) => `${i % 2 === 0 ? 'cat' : 'dog'}/animal${i}_`)
  const partsOf = async (root: string, seed: number): Promise<Map<string, Set<string>>> => {
    const split = await splitOf(root, { seed, groupPattern: /^(animal\d+)_/ })
    const found = new Map<string, Set<string>>()
    for (const part of ['train', 'validation', 'test'] as const) {
      for (let index = 0; index < split[part].size; index++) {
        const animal = /animal\d+/.exec(split[part].describe(index))?.[0] ?? ''
        found.set(animal, (found.get(animal) ?? new Set()).add(part))
      }
    }
    return found
  }

  test('never tears one, and adding photos to a group moves none', async () => {
    const root = await folderOf(animals.flatMap((name) => [1, 2].map((i) => `${name}${i}.jpg`)))
    const before = await partsOf(root, 4)
    expect(new Set([...before.values()].flatMap((parts) => [...parts]))).toEqual(new Set(['train', 'validation', 'test']))
    const more = await folderOf(animals.flatMap((name) => [1, 2, 3].map((i) => `${name}${i}.jpg`)))
    for (const found of [before, await partsOf(more, 4)]) {
      for (const [animal, parts] of found) expect([animal, [...parts]]).toEqual([animal, [...(before.get(animal) ?? [])]])
    }
  })

  test('counts photos and groups of a class that has too few for all parts', async () => {
    const root = await folderOf(['a', 'b'].flatMap((name) => [1, 2, 3, 4].map((i) => `${name}/${name}_${i}.jpg`)))
    const { notes } = await splitOf(root, { groupPattern: /^(\w)_/ })
    expect(notes).toContain('Class "a" has 4 different photos in 1 group that must not part, too few for all parts')
  })

  test('names ten such classes, and counts the others', async () => {
    const root = await folderOf(Array.from({ length: 40 }, (_, i) => `class${i}/photo.jpg`))
    const { notes } = await splitOf(root)
    expect(notes.filter((note) => note.startsWith('Class "class'))).toHaveLength(10)
    expect(notes.at(-1)).toBe('… and 30 more classes that have too few for all parts')
  })

  test('names groups that the given parts tear', async () => {
    const root = await folderOf(['train/a/x_1.jpg', 'train/b/y_1.jpg', 'val/a/x_2.jpg', 'val/b/z_1.jpg'])
    const { notes } = await splitOf(root, { groupPattern: /^(\w)_/ })
    expect(notes).toContain('In more than one part: 1 group, such as "x"; the accuracy looks better than it is')
  })
})

test('links that lead out of the folder stay out of tables too', async () => {
  const root = await folderOf([...numbered('in', 2), 'out/secret.jpg'])
  await mkdir(join(root, 'in'), { recursive: true })
  await symlink(join(root, 'out/secret.jpg'), join(root, 'in/link.jpg'))
  await writeFile(
    join(root, 'in/labels.csv'),
    'file,label\np.0.jpg,a\np.1.jpg,b\n' + Array.from({ length: 5 }, () => 'p.1.jpg,b\n').join('') + 'link.jpg,a\n',
  )
  const dataset = await imageFolder(join(root, 'in')).open()
  expect(dataset.size).toBe(2)
  expect(dataset.skipped.map(({ reason }) => reason)).toContain(`there is no such photo, line 9 of "${join(root, 'in/labels.csv')}"`)
})
