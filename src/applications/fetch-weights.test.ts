import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fetchWeights, type FetchWeightsOptions } from './fetch-weights.ts'
import { releaseOf, type Release } from './releases.ts'

// Every request of these tests goes to 127.0.0.1: names are never looked up.
const signature = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')
const [current, legacy, damaged] = ['current', 'legacy', 'damaged'].map((text) => Buffer.concat([signature, Buffer.from(text)])) as [
  Buffer,
  Buffer,
  Buffer,
]
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')

/** ResNet50's release, with the hashes of the small files above. */
const release: Release = { ...releaseOf('resnet50', { includeTop: true }), md5: md5(current), legacyMd5: md5(legacy) }

let folder: string
let cached: string
let offered: string
let server: Server
let requests: string[]
let answer: Buffer | undefined
let mirror: string

beforeEach(async () => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']) vi.stubEnv(name, '')
  folder = mkdtempSync(join(tmpdir(), 'rootstock-weights-'))
  cached = join(folder, 'home', 'models', release.file)
  offered = join(folder, 'offered', release.file)
  mkdirSync(join(folder, 'home', 'models'), { recursive: true })
  mkdirSync(join(folder, 'offered'))
  requests = []
  answer = current
  server = createServer((request, response) => {
    requests.push(String(request.url))
    if (answer) response.end(answer)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keras/`
})

afterEach(() => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

function options(environment: Record<string, string> = {}, more: FetchWeightsOptions = {}): FetchWeightsOptions {
  const resolve = () => Promise.reject(Object.assign(new Error('no network'), { code: 'ENOTFOUND' }))
  return { environment: { ROOTSTOCK_HOME: join(folder, 'home'), ...environment }, network: { resolve }, ...more }
}

const online = () => options({ ROOTSTOCK_MIRROR: mirror })
const offline = (environment: Record<string, string> = {}) => options({ ROOTSTOCK_OFFLINE: '1', ...environment })

describe('a file in the cache', () => {
  test.each([
    ['current', current, false],
    ['legacy', legacy, true],
  ])('that is the %s one is used without the network', async (_, bytes, isLegacy) => {
    writeFileSync(cached, bytes)
    expect(await fetchWeights(release, online())).toEqual({ path: cached, legacy: isLegacy })
    expect(await fetchWeights(release, offline())).toEqual({ path: cached, legacy: isLegacy })
    expect(requests).toEqual([])
  })

  test('that is damaged is fetched again', async () => {
    writeFileSync(cached, damaged)
    expect(await fetchWeights(release, online())).toEqual({ path: cached, legacy: false })
    expect(readFileSync(cached).equals(current)).toBe(true)
  })

  test('that is damaged is refused offline, with both hashes, and left as it is', async () => {
    writeFileSync(cached, damaged)
    await expect(fetchWeights(release, offline())).rejects.toMatchObject({
      code: 'WEIGHTS',
      message: `Cannot use ${cached}: found MD5 ${md5(damaged)}, expected ${md5(current)} or ${md5(legacy)}`,
    })
    expect(readFileSync(cached).equals(damaged)).toBe(true)
  })

  test('stays when a better one cannot be had', async () => {
    writeFileSync(cached, damaged)
    await expect(fetchWeights(release, options())).rejects.toMatchObject({ code: 'NETWORK' })
    expect(readFileSync(cached).equals(damaged)).toBe(true)
  })

  test.each([
    ['version 0', 0, 40, 13],
    ['version 2', 2, 28, 9],
  ])('of MobileNet that is shorter than its superblock of %s says is fetched again', async (_, version, sizeAt, widthAt) => {
    const whole = Buffer.concat([signature, Buffer.alloc(200)])
    whole[8] = version
    whole[widthAt] = 8
    whole.writeBigUInt64LE(BigInt(whole.length), sizeAt)
    const mobilenet = releaseOf('mobilenet', { includeTop: false, alpha: 0.25 })
    const path = join(folder, 'home', 'models', mobilenet.file)
    writeFileSync(path, whole.subarray(0, 100))
    await expect(fetchWeights(mobilenet, offline())).rejects.toThrow(/Cannot use .*: truncated, 100 of 208 bytes/)
    answer = whole.subarray(0, 150)
    await expect(fetchWeights(mobilenet, online())).rejects.toThrow(/127\.0\.0\.1:\d+: truncated, 150 of 208 bytes/)
    answer = whole
    await fetchWeights(mobilenet, online())
    expect(readFileSync(path)).toEqual(whole)
  })

  test('of MobileNet, which has no hash, need only be HDF5', async () => {
    const mobilenet = releaseOf('mobilenet', { includeTop: false, alpha: 0.25 })
    const path = join(folder, 'home', 'models', 'mobilenet_2_5_224_tf_no_top.h5')
    writeFileSync(path, '<html>Log in</html>')
    await expect(fetchWeights(mobilenet, offline())).rejects.toThrow(`Cannot use ${path}: found no HDF5 file`)
    writeFileSync(path, damaged)
    expect(await fetchWeights(mobilenet, offline())).toEqual({ path, legacy: false })
  })
})

describe('a folder of files', () => {
  test.each<[string, () => FetchWeightsOptions]>([
    ['as an option', () => options({}, { offlineFolder: join(folder, 'offered') })],
    ['in ROOTSTOCK_WEIGHTS', () => options({ ROOTSTOCK_WEIGHTS: join(folder, 'offered') })],
    ['in ROOTSTOCK_WEIGHTS, offline', () => offline({ ROOTSTOCK_WEIGHTS: join(folder, 'offered') })],
  ])('given %s goes before the cache', async (_, make) => {
    writeFileSync(cached, current)
    writeFileSync(offered, legacy)
    expect(await fetchWeights(release, make())).toEqual({ path: offered, legacy: true })
  })

  test('that lacks the file leads on to the cache', async () => {
    writeFileSync(cached, current)
    expect(await fetchWeights(release, options({}, { offlineFolder: join(folder, 'none') }))).toEqual({ path: cached, legacy: false })
  })

  test('is never written: a damaged file in it is refused', async () => {
    writeFileSync(offered, damaged)
    const both = options({ ROOTSTOCK_MIRROR: mirror, ROOTSTOCK_WEIGHTS: join(folder, 'offered') })
    await expect(fetchWeights(release, both)).rejects.toThrow(`Cannot use ${offered}: found MD5 ${md5(damaged)}`)
    expect(requests).toEqual([])
  })
})

describe('a mirror', () => {
  test.each(['', '/'])('gives the file at its place in Keras (address ending in "%s")', async (end) => {
    const address = mirror.replace(/\/$/, end)
    expect(await fetchWeights(release, options({ ROOTSTOCK_MIRROR: address }))).toEqual({ path: cached, legacy: false })
    expect(requests).toEqual(['/keras/resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5'])
    expect(readFileSync(cached).equals(current)).toBe(true)
  })

  test('may have the legacy file', async () => {
    answer = legacy
    expect(await fetchWeights(release, online())).toEqual({ path: cached, legacy: true })
  })

  test.each(['not an address', 'file:///weights', 'http://me:secret@host/'])('at "%s" is refused', async (address) => {
    const error: unknown = await fetchWeights(release, options({ ROOTSTOCK_MIRROR: address })).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'USAGE' })
    expect(String(error)).not.toContain('secret')
  })

  test('is not asked when offline', async () => {
    await expect(fetchWeights(release, offline({ ROOTSTOCK_MIRROR: mirror }))).rejects.toMatchObject({
      code: 'NETWORK',
      message: `Cannot fetch ${release.file}: it is not in the cache, and ROOTSTOCK_OFFLINE forbids the network`,
      hint: expect.stringContaining(`put ${release.file} at ${cached} or into a folder named by ROOTSTOCK_WEIGHTS`) as string,
    })
    expect(requests).toEqual([])
  })
})

test.skipIf(process.platform !== 'linux')('where the cache cannot be written, the variable that names another folder is told', async () => {
  const environment = { ROOTSTOCK_HOME: '/sys/rootstock', ROOTSTOCK_MIRROR: mirror }
  const failure = { code: 'FILE', hint: expect.stringMatching(/another folder; ROOTSTOCK_HOME names one$/) as string }
  await expect(fetchWeights(release, options(environment))).rejects.toMatchObject(failure)
})

test('without a network one line names every host, and the hint says what to put where', async () => {
  answer = undefined
  const error: unknown = await fetchWeights(release, online()).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'NETWORK',
    message:
      `Cannot download ${release.file}: ${new URL(mirror).host}: got status 404, expected 200; ` +
      'storage.googleapis.com and github.com: the host name is unknown, so there may be no network (ENOTFOUND)',
    hint: expect.stringContaining(`get ${release.urls[0] ?? ''} elsewhere and put ${release.file} at ${cached}`) as string,
  })
  expect(existsSync(cached)).toBe(false)
})

test('ROOTSTOCK_OFFLINE=0 does not forbid the network', async () => {
  await fetchWeights(release, options({ ROOTSTOCK_OFFLINE: '0', ROOTSTOCK_MIRROR: mirror }))
  expect(requests).toHaveLength(1)
})
