/** @file plot, diagram, cache and augment-preview: what they write, and how wrong arguments are refused. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { resultsCsv } from '../../src/transfer/report/results-csv.ts'
import { drawClasses, drawPhotos, expectRefusal, rootstock, rootstockJson, scratchFolder, SMALL } from './rootstock.cases.ts'

const folder = scratchFolder()
const png = (file: string): boolean => readFileSync(file).subarray(1, 4).toString() === 'PNG'

describe('plot', () => {
  it('draws both forms beside a CSV file, whatever parts its cells', async () => {
    const file = join(folder, 'log.csv')
    writeFileSync(file, 'epoch;loss;val_loss\r\n0;1.5;NA\r\n1;0.5;0.7\r\n')
    const { code, json } = await rootstockJson(['plot', file, '--title', '<b>Mine'])
    expect(code).toBe(0)
    expect(json).toEqual({ files: [join(folder, 'log.svg'), join(folder, 'log.png')], epochs: 2, metrics: ['loss', 'val_loss'] })
    expect(readFileSync(join(folder, 'log.svg'), 'utf8')).toContain('&lt;b&gt;Mine')
    expect(png(join(folder, 'log.png'))).toBe(true)
  })

  it("reads a run's results.csv, whose columns are named as Ultralytics names them", async () => {
    const file = join(folder, 'results.csv')
    const seconds = new Map([
      [0, 1.5],
      [1, 1.5],
    ])
    writeFileSync(file, resultsCsv({ loss: [1, 0.5], val_loss: [1, 0.7], val_accuracy: [0.5, 0.75], learning_rate: [0.1, 0.1] }, seconds))
    const { json } = await rootstockJson(['plot', file])
    expect(json).toMatchObject({ epochs: 2, metrics: ['loss', 'val_loss', 'val_accuracy', 'learning_rate'] })
    expect(readFileSync(join(folder, 'results.svg'), 'utf8')).toContain('validation')
  })

  it('refuses what is no history, no file, or no picture', async () => {
    const file = join(folder, 'text.csv')
    writeFileSync(file, 'epoch,loss\n0,much\n')
    expectRefusal(await rootstock(['plot', file]), { code: 4, says: /found "much" in row 1 of "loss", expected a row of numbers/ })
    expectRefusal(await rootstock(['plot', join(folder, 'none')]), { code: 1, says: /Cannot read the history .*ENOENT/ })
    expectRefusal(await rootstock(['plot', file, '--out', 'a.gif']), { code: 2, says: /expected a name that ends in \.svg or \.png/ })
  })
})

describe('diagram', () => {
  it('draws a network as SVG, PNG and dot', async () => {
    const small = ['--alpha', '0.25', '--size', '32', '--no-top']
    for (const form of ['svg', 'png', 'dot']) {
      const out = join(folder, `model.${form}`)
      const { code, json } = await rootstockJson(['diagram', 'mobilenet', '--out', out, ...small])
      expect(code).toBe(0)
      expect(json).toMatchObject({ out, layers: 86 })
    }
    expect(readFileSync(join(folder, 'model.svg'), 'utf8')).toMatch(/^<svg .*conv_pw_13_relu/s)
    expect(readFileSync(join(folder, 'model.dot'), 'utf8')).toMatch(/^digraph model/)
    expect(png(join(folder, 'model.png'))).toBe(true)
  })

  it('refuses unknown names', async () => {
    expectRefusal(await rootstock(['diagram', 'mobilnet']), { code: 2, says: /Did you mean "mobilenet"/ })
    for (const argv of [
      ['diagram', 'runs/pets'],
      ['summary', 'runs/pets'],
      ['summary', 'pets.onnx'],
    ])
      expectRefusal(await rootstock([...argv, '--no-top']), { code: 2, says: /Cannot use --no-top with .*pets.*: found no network/ })
    expectRefusal(await rootstock(['summary', 'pets.onnx', '--alpha', '0.5']), { code: 2, says: /Cannot use --alpha with pets\.onnx/ })
    expectRefusal(await rootstock(['diagram', 'mobilenet', '--direction', 'XY']), { code: 2, says: /Unknown value "XY" of --direction/ })
  })
})

describe('augment-preview', () => {
  it('draws a sheet of photos and their views', async () => {
    const photos = join(folder, 'photos')
    await drawClasses(photos, 3)
    const out = join(folder, 'sheet.png')
    const flags = ['--photos', '2', '--views', '3', '--size', '32', '--crop', '40', '--flip', 'both', '--rand-augment', '0.5']
    const { code, json } = await rootstockJson(['augment-preview', photos, '--out', out, ...flags])
    expect(code).toBe(0)
    expect(json).toMatchObject({ out, views: 3, augmentation: expect.stringMatching(/^randomCrop.* randomFlip.* randAugment/) as string })
    expect(png(out)).toBe(true)
  })

  it('leaves damaged photos out, and says so', async () => {
    const photos = join(folder, 'damaged')
    await drawClasses(photos, 3)
    const names = readdirSync(join(photos, 'cat'))
    for (const name of names) writeFileSync(join(photos, 'cat', name), 'no picture')
    const { code, json, stderr } = await rootstockJson(['augment-preview', photos, '--out', join(folder, 'sheet.png'), '--flip', 'both'])
    expect(code).toBe(0)
    expect((json['photos'] as string[]).map((file) => basename(dirname(file)))).toEqual(['dog', 'dog', 'dog'])
    expect(stderr.match(/^Left out: Cannot read .*\.\w+: it is not a picture in a known format/gm)).toHaveLength(names.length)
    const one = await rootstock(['augment-preview', photos, '--photos', '1', '--out', join(folder, 'sheet.png'), '--flip', 'both'])
    expect(one.stdout).toMatch(/sheet\.png: 1 photo, 7 views of each$/m)
  })

  it('takes a table of labels, as train does', async () => {
    const photos = join(folder, 'listed')
    await drawPhotos(photos, 2)
    const rows = readdirSync(photos).map((name) => `${name},${name.split('.')[0]}`)
    writeFileSync(join(photos, 'own.csv'), ['file,label', ...rows, ''].join('\n'))
    const argv = ['augment-preview', join(photos, 'own.csv'), '--out', join(folder, 'sheet.png'), '--flip', 'both']
    expect((await rootstockJson(argv)).json['photos']).toHaveLength(rows.length)
  })

  it('refuses a sheet that is too large before it makes a picture of it', async () => {
    const photos = join(folder, 'photos-of-many')
    await drawClasses(photos, 3)
    const argv = ['augment-preview', photos, '--flip', 'both', '--views', '1000000000']
    expectRefusal(await rootstock(argv), {
      code: 2,
      says: /4000000004 pictures need 172000000192 · \d+ pixels, expected at most 16384 a side.* smaller --photos or --views/,
    })
  })

  it('refuses no augmentation, a small crop and a wrong part', async () => {
    const refused = async (argv: readonly string[], says: RegExp): Promise<void> =>
      expectRefusal(await rootstock(['augment-preview', folder, ...argv]), { code: 2, says })
    await refused([], /found no flag that names one/)
    await refused(['--crop', '100'], /expected more than the 224 pixels that remain/)
    await refused(['--rotation', '2'], /Invalid value "2" of --rotation: expected a number above 0, up to 1/)
  })
})

describe('cache and the run folder', () => {
  it('lists what a run stored, removes it, and evaluate knows the photos that were learned', async () => {
    const env = { ROOTSTOCK_CACHE: join(folder, 'cache') }
    expect((await rootstockJson(['cache'], env)).json).toMatchObject({ bytes: 0, trunks: [] })
    expect(existsSync(join(folder, 'cache'))).toBe(false)
    const data = join(folder, 'data')
    const run = join(folder, 'runs', 'pets')
    await drawClasses(data, 12)
    const { code, stderr } = await rootstockJson(['train', data, ...SMALL, '--epochs', '1', '--no-plots', '--out', run], env)
    expect(code, stderr).toBe(0)
    expect(existsSync(join(run, 'report.html'))).toBe(false)
    expect(readFileSync(join(run, 'README.md'), 'utf8')).toContain('# cat, dog')
    const { json } = await rootstockJson(['cache'], env)
    const [trunk] = json['trunks'] as { id: string; entries: number; bytes: number }[]
    expect(trunk?.entries).toBeGreaterThan(15)
    expect(trunk?.bytes).toBeGreaterThan(15 * 256 * 4)
    expectRefusal(await rootstock(['cache', '--prune', 'abc'], env), { code: 2, says: /Unknown trunk "abc"/ })
    expectRefusal(await rootstock(['cache', '--prune', ''], env), { code: 2, says: /Invalid value "" of --prune: expected a value/ })
    expect((await rootstockJson(['cache', '--prune', trunk?.id ?? ''], env)).json).toMatchObject({
      removed: trunk?.entries,
      freed: expect.any(Number) as number,
    })
    expect((await rootstockJson(['cache', '--prune'], env)).json).toMatchObject({ removed: 0 })
    const whole = await rootstockJson(['evaluate', run, data], env)
    expect(whole.json).toMatchObject({ images: 24, learned: expect.any(Number) as number })
    expect(whole.stderr).toMatch(/of 24 photos were among those that .* trained with/)
    for (const part of ['validation', 'test']) {
      const { json: measured, stderr: told } = await rootstockJson(['evaluate', run, data, '--part', part], env)
      expect(measured).toMatchObject({ learned: 0 })
      expect(told).toMatch(new RegExp(`^Features ${part} `))
    }
  })
})
