/** @file `rootstock find-rate`: what it tries, the picture that it draws, and the command that it ends with. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { embeddedNetwork } from '../../src/applications/index.ts'
import { drawClasses, expectRefusal, rootstock, rootstockJson, scratchFolder } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
const env = { ROOTSTOCK_CACHE: at('cache') }
const network = ['--weights', 'embedded', '--head', 'none', '--batch-size', '8'] as const

beforeAll(() => drawClasses(at('photos'), 20))

describe('find-rate', () => {
  it('tries rates, draws them, and suggests one to train with', async () => {
    const png = at('rates.png')
    const argv = ['find-rate', at('photos'), ...network, '--steps', '60', '--from', '1e-5', '--out', png]
    const { code, json, stderr } = await rootstockJson(argv, env)
    expect(code, stderr).toBe(0)
    const { rates, losses, suggested, command, photos } = json as {
      rates: number[]
      losses: number[]
      suggested: number
      command: string
      photos: number
    }
    expect(json).toMatchObject({ network: 'mobilenet', files: [png] })
    expect(photos).toBe(30)
    expect(rates[0]).toBeCloseTo(1e-5, 9)
    expect(losses).toHaveLength(rates.length)
    expect(rates.length).toBeGreaterThan(10)
    expect(suggested).toBeGreaterThan(1e-5)
    expect(suggested).toBeLessThan(1)
    expect(command).toBe(
      `rootstock train ${at('photos')} --alpha ${embeddedNetwork.alpha} --size ${embeddedNetwork.size} --weights embedded --batch-size 8 --head none --learning-rate ${suggested}`,
    )
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 1520, height: 840 })
    expect(stderr).not.toMatch(/Epoch|photos\/s.*photos\/s/)
    expect(readdirSync(scratch)).not.toContain('runs')
    expect(readdirSync(scratch).filter((name) => name.includes('tmp'))).toEqual([])
  })

  it('prints the command last, for people, and finds the same rates again', async () => {
    const argv = ['find-rate', at('photos'), ...network, '--steps', '30', '--out']
    const [first, again] = [await rootstock([...argv, at('a.svg')], env), await rootstock([...argv, at('b.svg')], env)]
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toMatch(
      /a\.svg: \d+ rates from 0\.000001 to [\d.]+, 30 photos\nThe loss falls fastest at [\d.]+\nrootstock train .* --learning-rate [\d.]+\n$/,
    )
    expect(readFileSync(at('b.svg'), 'utf8')).toBe(readFileSync(at('a.svg'), 'utf8'))
    expect(readFileSync(at('a.svg'), 'utf8')).toMatch(/Loss by learning rate: mobilenet/)
    expect(again.stdout.replace('b.svg', 'a.svg')).toBe(first.stdout)
  })

  it.each([
    ['a picture of no form', ['--out', 'rates.gif'], 2, /expected a name that ends in \.svg or \.png/],
    ['an empty range', ['--from', '1', '--to', '0.1'], 2, /to is 0\.1, expected a number above 1/],
    ['too few steps', ['--steps', '3'], 2, /Invalid value "3" of --steps: expected a whole number from 10/],
    ['an unknown layer', ['--unfreeze-from', 'conv_pw14'], 2, /Unknown layer "conv_pw14"\. Did you mean .*conv_pw_1/],
  ])('refuses %s', async (_, argv, code, says) => {
    const refused = await rootstock(['find-rate', at('photos'), ...network, '--out', at('no.png'), '--quiet', ...argv], env)
    expectRefusal(refused, { code, says })
    expect(existsSync(at('no.png'))).toBe(false)
  })

  it('refuses a folder that is not there', async () => {
    expectRefusal(await rootstock(['find-rate', at('fotos')], env), { code: 3, says: /there is no such folder\. Did you mean .*photos/ })
  })
})
