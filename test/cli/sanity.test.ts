/** @file Warnings of the sanity doctor on the command line: on stderr, with the name of the check, and none where they are not wanted. */
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { drawClasses, rootstock, scratchFolder } from './rootstock.cases.ts'

const folder = scratchFolder()
const photos = join(folder, 'photos')
const env = { ROOTSTOCK_CACHE: join(folder, 'cache') }
const quick = ['--weights', 'embedded', '--head', 'none', '--epochs', '1', '--no-plots', '--duplicates', 'exact']

beforeAll(() => drawClasses(photos, 9))

describe('train', () => {
  it('warns of what looks wrong while it trains', async () => {
    const { code, stderr, stdout } = await rootstock(['train', photos, ...quick, '--out', join(folder, 'watched')], env)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/^warning: Class (cat|dog) has \d training photos, .*: too few to learn from\. Add photos: .* \(few-photos\)$/m)
    expect(stderr.indexOf('few-photos')).toBeLessThan(stderr.indexOf('Epoch 1/1'))
    expect(stdout).not.toContain('few-photos')
  })

  it('--no-sanity is silent, and so is --quiet', async () => {
    for (const flag of ['--no-sanity', '--quiet']) {
      const { code, stderr } = await rootstock(['train', photos, ...quick, flag, '--out', join(folder, flag.slice(2))], env)
      expect(code, stderr).toBe(0)
      expect(stderr).not.toContain('warning')
    }
  })
})
