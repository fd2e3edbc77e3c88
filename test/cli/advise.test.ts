/** @file `rootstock advise`: its table, its JSON, its flags, and how wrong arguments are refused. */
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { embeddedNetwork } from '../../src/applications/index.ts'
import { drawClasses, expectRefusal, rootstock, rootstockJson, scratchFolder } from './rootstock.cases.ts'

const folder = scratchFolder()
const photos = join(folder, 'photos')
const env = { ROOTSTOCK_CACHE: join(folder, 'cache') }

const embedded = `mobilenet ${embeddedNetwork.alpha}, embedded`

beforeAll(() => drawClasses(photos, 30))

describe('advise', () => {
  it('shows a table, why, and the command to go on with', async () => {
    const { code, stdout, stderr } = await rootstock(['advise', photos, '--duplicates', 'exact'], env)
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/network +right +95 % interval +ms\/photo +MB +px\n→ +mobilenet [\d.]+, embedded +\d+\.\d %/)
    expect(stdout).toMatch(/Not compared: vgg16, .*: no weights on this machine/)
    expect(stdout).toMatch(/Take mobilenet [\d.]+, embedded: it names .* rightly/)
    expect(stdout.endsWith(`rootstock train ${photos} --weights embedded --duplicates exact\n`)).toBe(true)
    expect(stderr).toContain(`1/1 ${embedded}\n`)
  })

  it('gives one object, from stored features', async () => {
    const { code, json, stderr } = await rootstockJson(['advise', photos, '--duplicates', 'exact', '--photos', '30', '--folds', '3'], env)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ photos: 30, folds: 3, take: embedded, classes: ['cat', 'dog'] })
    expect(stderr).toContain('30 photos, all computed before')
  })

  it('takes flags several times', async () => {
    const flags = [
      '--network',
      'vgg16',
      '--network',
      'mobilenet',
      '--alpha',
      '0.25',
      '--alpha',
      '1',
      '--photos',
      '20',
      '--duplicates',
      'exact',
    ]
    const { json } = await rootstockJson(['advise', photos, ...flags], env)
    expect((json['missing'] as { name: string }[]).map(({ name }) => name)).toEqual(['vgg16', 'mobilenet 0.25', 'mobilenet 1'])
  })

  it.each([
    [['--network', 'resnet5'], 2, /Unknown network "resnet5". Did you mean "resnet50"/],
    [['--weights', 'mobilenet'], 2, /Invalid value "mobilenet" of --weights: expected NAME=FILE/],
    [['--weights', 'mobilenet=none.h5'], 1, /none\.h5/],
    [['--alpha', 'x'], 2, /Invalid value "x" of --alpha/],
    [['--photos', '3'], 2, /--photos: expected a whole number from 10/],
    [['--folds', '1'], 2, /--folds: expected a whole number from 2/],
  ])('refuses %j', async (flags, code, says) => {
    expectRefusal(await rootstock(['advise', photos, '--quiet', ...flags], env), { code, says })
  })

  it('refuses a folder that is none', async () => {
    expectRefusal(await rootstock(['advise', join(folder, 'nowhere'), '--quiet']), { code: 3, says: /nowhere/ })
  })
})
