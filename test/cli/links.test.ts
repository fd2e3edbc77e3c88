/** @file A folder of links, as `prepare --link symlink` makes it, in the commands that read photos. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { allIndices, imageFolder } from '../../src/data/index.ts'
import { drawClasses, expectRefusal, rootstock, rootstockJson, scratchFolder, SMALL } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
const env = { ROOTSTOCK_CACHE: at('cache') }

// Making links needs rights on Windows that most people do not have.
describe.runIf(process.platform !== 'win32')('a folder of links', () => {
  beforeAll(async () => {
    await drawClasses(at('photos'), 12)
    const prepared = await rootstock(['prepare', at('photos'), at('links'), '--link', 'symlink'])
    expect(prepared.stdout).toMatch(new RegExp(`\nReady in ${at('links')}: rootstock train ${at('links')} --follow-links\n$`))
    const trained = await rootstock(
      ['train', at('links'), '--follow-links', ...SMALL, '--epochs', '1', '--no-plots', '--out', at('run')],
      env,
    )
    expect(trained.code, trained.stderr).toBe(0)
  })

  it.each([
    ['evaluate', [at('run'), at('links', 'test')], { images: 2 }],
    ['evaluate', [at('run'), at('links'), '--part', 'train'], { images: 20 }],
    ['advise', [at('links'), '--alpha', '0.5', '--photos', '10', '--folds', '2'], { photos: 10 }],
    ['find-rate', [at('links'), ...SMALL, '--steps', '10', '--out', at('rates.svg')], { photos: 20 }],
    ['augment-preview', [at('links'), '--flip', 'horizontal', '--out', at('sheet.png')], {}],
    ['predict', [at('run'), at('links', 'test')], {}],
  ] as const)('is read by %s with --follow-links: %j', async (name, argv, expected) => {
    const { code, stderr, json } = await rootstockJson([name, ...argv, '--follow-links'], env)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject(expected)
  })

  it.each([
    ['train', [at('links'), ...SMALL, '--out', at('none')]],
    ['evaluate', [at('run'), at('links', 'test')]],
    ['predict', [at('run'), at('links', 'test')]],
  ] as const)('is refused by %s without it, and the flag is named', async (name, argv) => {
    expectRefusal(await rootstock([name, ...argv], env), { code: 3, says: /leads out of the folder \(followed with --follow-links/ })
    expect(existsSync(at('none'))).toBe(false)
  })

  it('predict finds the photos that train finds: links to photos, no linked or hidden folders', async () => {
    for (const label of ['cat', 'dog']) cpSync(at('photos', label), at('mixed', label), { recursive: true })
    const [photo = ''] = readdirSync(at('photos', 'cat'))
    symlinkSync(photo, at('mixed', 'cat', 'link.jpg'))
    symlinkSync('../dog', at('mixed', 'cat', 'linked'))
    cpSync(at('photos', 'cat'), at('mixed', 'cat', '.thumbnails'), { recursive: true })
    const { code, stderr, json } = await rootstockJson(['predict', at('run'), at('mixed', 'cat')], env)
    expect(code, stderr).toBe(0)
    const dataset = await imageFolder(at('mixed')).open()
    const trained = allIndices(dataset.size).map((index) => dataset.describe(index))
    const predicted = (json['predictions'] as { file: string }[]).map(({ file }) => file)
    expect(predicted).toEqual(trained.filter((file) => file.startsWith(at('mixed', 'cat'))))
    expect(predicted).toContain(at('mixed', 'cat', 'link.jpg'))
    expect(predicted).toHaveLength(13)
    expect(stderr).toMatch(
      /not used: 1 link; the first is ".*cat\/linked", a link that leads out of the folder \(followed with --follow-links/,
    )
  })

  it('is known to the run, which goes on without the flag', async () => {
    const argv = ['train', at('links'), '--epochs', '2', '--no-plots', '--out', at('run'), '--resume']
    const { code, stderr, json } = await rootstockJson(argv, env)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ epochs: 2 })
    expect(readFileSync(at('run', 'README.md'), 'utf8')).toMatch(/rootstock train .* --follow-links/)
  })
  it.runIf(process.platform === 'linux')(
    'photos whose names are not UTF-8 are read by predict and augment-preview as by train',
    async () => {
      const photo = readFileSync(at('photos', 'cat', readdirSync(at('photos', 'cat'))[0] ?? ''))
      for (const label of ['cat', 'dog']) {
        mkdirSync(at('raw', label), { recursive: true })
        const named = (end: string): Buffer =>
          Buffer.concat([Buffer.from(`${at('raw', label)}/caf`), Buffer.from([0xe9]), Buffer.from(end)])
        writeFileSync(named('.jpg'), photo)
        writeFileSync(named('-damaged.jpg'), photo.subarray(0, 40))
      }
      const named = await rootstockJson(['predict', at('run'), `${at('raw')}/`], env)
      expect(named.code, named.stderr).toBe(0)
      const { predictions, unusable } = named.json as Record<string, { file: string }[]>
      expect(predictions?.map(({ file }) => file)).toEqual(['cat', 'dog'].map((label) => at('raw', label, 'caf\\xe9.jpg')))
      expect(unusable?.map(({ file }) => file)).toEqual(['cat', 'dog'].map((label) => at('raw', label, 'caf\\xe9-damaged.jpg')))
      const sheet = await rootstockJson(['augment-preview', at('raw'), '--flip', 'horizontal', '--out', at('raw.png')], env)
      expect(sheet.code, sheet.stderr).toBe(0)
      expect((sheet.json['photos'] as string[]).toSorted()).toEqual(predictions?.map(({ file }) => file))
      expect(sheet.stderr).toMatch(/Left out: .*cat\/caf\\xe9-damaged\.jpg: Cannot read/)
    },
  )
})
