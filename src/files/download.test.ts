import { createHash } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { download, verifyFile, type DownloadOptions, type DownloadProgress } from './download.ts'
import { isPrivate } from './network.ts'

// Every request of these tests goes to 127.0.0.1.
const hdf5 = { name: 'HDF5', signature: Buffer.from('\x89HDF\r\n\x1a\n', 'latin1') }
const file = Buffer.concat([hdf5.signature, Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251))])
const md5 = createHash('md5').update(file).digest('hex')
const sha256 = createHash('sha256').update(file).digest('hex')

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let folder: string
let target: string
let servers: Server[]
let requests: IncomingMessage[]

beforeEach(() => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']) vi.stubEnv(name, '')
  folder = mkdtempSync(join(tmpdir(), 'rootstock-download-'))
  target = join(folder, 'models', 'net.h5')
  servers = []
  requests = []
})

afterEach(() => {
  vi.unstubAllEnvs()
  for (const server of servers) server.closeAllConnections()
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    requests.push(request)
    handler(request, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server that behaves as object stores do: whole file, or the range that was asked for while the version is the same. */
function wholeFile(options: { etag?: string; body?: Buffer } = {}): Handler {
  const { etag = '"v1"', body = file } = options
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const same = request.headers['if-range'] === etag
    const part = same ? body.subarray(from) : body
    response.writeHead(same ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': part.length,
      etag,
      ...(same && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
    })
    response.end(part)
  }
}

/** Answers in turn; the last one goes on answering. */
function inTurn(...handlers: Handler[]): Handler {
  let turn = 0
  return (request, response) => handlers[Math.min(turn++, handlers.length - 1)]?.(request, response)
}

/** Announces the whole file and breaks off after `size` bytes. */
function breakAfter(size: number, etag = '"v1"'): Handler {
  return (_, response) => {
    response.writeHead(200, { 'content-length': file.length, etag })
    // What has left the server must have arrived before the break, on a busy machine too.
    response.write(file.subarray(0, size), () => setTimeout(() => response.destroy(), 250))
  }
}

function options(origin: string, more: Partial<DownloadOptions> = {}): DownloadOptions {
  return { allowHosts: [], trustedOrigins: [origin], hashes: [md5], format: hdf5, maxBytes: 1e6, retryMs: 1, ...more }
}

/** Only the file itself is left: no part, note, lock or temporary file. */
function expectOnlyTheFile(): void {
  expect(readFileSync(target).equals(file)).toBe(true)
  expect(readdirSync(join(folder, 'models'))).toEqual(['net.h5'])
}

function expectNothing(): void {
  expect(existsSync(join(folder, 'models')) ? readdirSync(join(folder, 'models')) : []).toEqual([])
}

/** A process of its own that downloads to `target`; its output is the hash, or the error in one line. */
function inChild(url: string, start: readonly string[] = [process.execPath]): { child: ChildProcess; output: Promise<string> } {
  const script = join(import.meta.dirname, '../../test/download-child.ts')
  const [command = '', ...rest] = start
  const child = spawn(command, [...rest, '--import', 'tsx', script, url, target, md5], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = new Promise<string>((resolve) => {
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (text += piece.toString()))
    child.on('close', () => resolve(text.trim()))
  })
  return { child, output }
}

describe('a good server', () => {
  test.each([
    ['MD5', [md5]],
    ['SHA-256', [sha256]],
    ['one of several hashes, in any case', ['0'.repeat(32), md5.toUpperCase()]],
    ['no hash', []],
  ])('gives the file, checked by %s', async (_, hashes) => {
    const origin = await serve(wholeFile())
    const hash = await download([`${origin}/net.h5`], target, options(origin, { hashes }))
    expect(hash).toBe(hashes.length === 0 ? undefined : hashes[0] === sha256 ? sha256 : md5)
    expectOnlyTheFile()
    expect(requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('is not asked when the file is there', async () => {
    const origin = await serve(wholeFile())
    mkdirSync(join(folder, 'models'))
    writeFileSync(target, file)
    expect(await download([`${origin}/net.h5`], target, options(origin))).toBe(md5)
    expect(requests).toHaveLength(0)
  })

  test.each([
    ['wrong bytes', Buffer.concat([file, Buffer.from('x')])],
    ['a login page that another program saved', Buffer.from('<html>')],
  ])('replaces %s', async (_, old) => {
    const origin = await serve(wholeFile())
    mkdirSync(join(folder, 'models'))
    writeFileSync(target, old)
    await download([`${origin}/net.h5`], target, options(origin))
    expectOnlyTheFile()
  })

  test('reports progress up to the last byte', async () => {
    const origin = await serve((_, response) => {
      response.writeHead(200, { 'content-length': file.length })
      response.write(file.subarray(0, 100_000), () => setTimeout(() => response.end(file.subarray(100_000)), 150))
    })
    const seen: DownloadProgress[] = []
    await download([`${origin}/net.h5`], target, options(origin, { onProgress: (progress) => seen.push(progress) }))
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toMatchObject({ phase: 'receiving', received: file.length, total: file.length, secondsLeft: 0 })
    expect(seen.at(-1)?.bytesPerSecond).toBeGreaterThan(0)
    expect(seen.every(({ received }, i) => i === 0 || received >= (seen[i - 1]?.received ?? 0))).toBe(true)
  })

  test('may come second: mirrors are tried in order', async () => {
    const bad = await serve((_, response) => response.writeHead(404).end())
    const good = await serve(wholeFile())
    const both = options(good, { trustedOrigins: [bad, good] })
    await download([`${bad}/a/net.h5`, `${good}/b/net.h5`], target, both)
    expect(requests.map(({ url }) => url)).toEqual(['/a/net.h5', '/b/net.h5'])
    expectOnlyTheFile()
  })

  test('may redirect to a trusted address', async () => {
    const good = await serve(wholeFile())
    const first = await serve((_, response) => response.writeHead(302, { location: `${good}/elsewhere` }).end('moved'))
    await download([`${first}/net.h5`], target, options(good, { trustedOrigins: [first, good] }))
    expectOnlyTheFile()
  })
})

describe('a break', () => {
  test('is resumed where it happened, in the same call', async () => {
    const origin = await serve(inTurn(breakAfter(100_000), wholeFile()))
    await download([`${origin}/net.h5`], target, options(origin))
    expect(requests.map(({ headers }) => [headers.range, headers['if-range']])).toEqual([
      [undefined, undefined],
      ['bytes=100000-', '"v1"'],
    ])
    expectOnlyTheFile()
  })

  test('is resumed by a later call', async () => {
    const failing = await serve(inTurn(breakAfter(100_000), (_, response) => response.writeHead(503).end()))
    await expect(download([`${failing}/net.h5`], target, options(failing))).rejects.toThrow('got status 503, expected 200')
    expect(readdirSync(join(folder, 'models')).sort()).toEqual(['net.h5.part', 'net.h5.part.json'])
    servers[0]?.removeAllListeners('request').on('request', (request, response) => {
      requests.push(request)
      wholeFile()(request, response)
    })
    requests = []
    await download([`${failing}/net.h5`], target, options(failing))
    expect(requests.map(({ headers }) => headers.range)).toEqual(['bytes=100000-'])
    expectOnlyTheFile()
  })

  test('starts over when the file has changed meanwhile', async () => {
    const origin = await serve(inTurn(breakAfter(100_000, '"old"'), wholeFile()))
    await download([`${origin}/net.h5`], target, options(origin))
    expect(requests[1]?.headers['if-range']).toBe('"old"')
    expectOnlyTheFile()
  })

  test('starts over when the server knows only weak versions, or none', async () => {
    for (const etag of ['W/"v1"', '']) {
      rmSync(target, { force: true })
      requests = []
      const origin = await serve(inTurn(breakAfter(100_000, etag), wholeFile()))
      await download([`${origin}/net.h5`], target, options(origin))
      expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined])
      expectOnlyTheFile()
    }
  })

  const range = (value: string, etag = '"v1"', body = file.subarray(100_000)): Handler => {
    return (_, response) => response.writeHead(206, { 'content-range': value, etag }).end(body)
  }
  test.each<[string, Handler]>([
    ['another place', range(`bytes 0-${file.length - 1}/${file.length}`, '"v1"', file)],
    ['another total', range(`bytes 100000-${file.length}/${file.length + 1}`)],
    ['another version', range(`bytes 100000-${file.length - 1}/${file.length}`, '"v2"')],
    ['an unreadable place', range('bytes 100000-')],
    [
      'other bytes of the right length',
      range(`bytes 100000-${file.length - 1}/${file.length}`, '"v1"', Buffer.alloc(file.length - 100_000)),
    ],
    ['too many bytes', range(`bytes 100000-${file.length - 1}/${file.length}`, '"v1"', Buffer.alloc(file.length))],
    ['status 416', (_, response) => response.writeHead(416).end()],
  ])('is not resumed with a range that lies: %s', async (name, lie) => {
    const origin = await serve(inTurn(breakAfter(100_000), lie, wholeFile()))
    const job = download([`${origin}/net.h5`], target, options(origin))
    if (name === 'too many bytes') {
      await expect(job).rejects.toThrow(`got more than the ${file.length.toLocaleString('en-US')} bytes it announced`)
      expectNothing()
      return
    }
    await job
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=100000-', undefined])
    expectOnlyTheFile()
  })

  test('ends after three tries that bring nothing', async () => {
    const origin = await serve((request) => request.socket.destroy())
    await expect(download([`${origin}/net.h5`], target, options(origin))).rejects.toMatchObject({ code: 'NETWORK' })
    expect(requests).toHaveLength(3)
    expectNothing()
  })

  test('is seen when a server falls silent', async () => {
    const origin = await serve((_, response) => {
      response.writeHead(200, { 'content-length': file.length })
      response.write(file.subarray(0, 1000))
    })
    await expect(download([`${origin}/net.h5`], target, options(origin, { idleMs: 200 }))).rejects.toThrow('the transfer stalled')
  })

  test('keeps no part of a file without a hash, which nothing could check later', async () => {
    const origin = await serve(inTurn(breakAfter(100_000), (_, response) => response.writeHead(500).end()))
    await expect(download([`${origin}/net.h5`], target, options(origin, { hashes: [] }))).rejects.toThrow('got status 500')
    expectNothing()
  })

  test('by the user keeps what came', async () => {
    const origin = await serve((_, response) => {
      response.writeHead(200, { 'content-length': file.length, etag: '"v1"' })
      response.write(file.subarray(0, 100_000))
    })
    const stop = new AbortController()
    const job = download([`${origin}/net.h5`], target, options(origin, { signal: stop.signal, onProgress: () => stop.abort() }))
    await expect(job).rejects.toMatchObject({ code: 'CANCELED' })
    expect(readdirSync(join(folder, 'models')).sort()).toEqual(['net.h5.part', 'net.h5.part.json'])
  })
})

describe('refuses', () => {
  const html: Handler = (_, response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Log in</html>')
  const wrong = Buffer.concat([file.subarray(0, -1), Buffer.from('x')])
  const wrongMd5 = createHash('md5').update(wrong).digest('hex')
  test.each<[string, Handler, string]>([
    ['a login page', html, 'got text/html, expected HDF5'],
    ['a login page that says it is a file', (_, response) => response.end('<html>Log in</html>'), 'got other bytes, expected HDF5'],
    ['an empty body', (_, response) => response.end(), 'found no HDF5 file'],
    ['another file', wholeFile({ body: wrong }), `found MD5 ${wrongMd5}, expected ${md5}`],
    [
      'an announced length beyond the limit',
      wholeFile({ body: Buffer.alloc(1_000_001) }),
      'got 1,000,001 bytes, expected at most 1,000,000 bytes',
    ],
    ['a missing file', (_, response) => response.writeHead(404).end(), 'got status 404, expected 200'],
    ['a part that was not asked for', (_, response) => response.writeHead(206).end(file), 'got the range none, expected the whole file'],
    ['a redirect to nowhere', (_, response) => response.writeHead(302).end(), 'got status 302 without a readable address'],
    ['a redirect in a circle', (_, response) => response.writeHead(302, { location: '/' }).end(), 'sent on more than 5 times'],
  ])('%s', async (_, handler, message) => {
    const origin = await serve(handler)
    const error: unknown = await download([`${origin}/net.h5`], target, options(origin)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining(message) as string,
      hint: expect.any(String) as string,
    })
    expect(String(error)).not.toContain('\n')
    expectNothing()
  })

  test('a body without end', async () => {
    const origin = await serve((_, response) => {
      response.write(hdf5.signature)
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    await expect(download([`${origin}/net.h5`], target, options(origin))).rejects.toThrow('got more, expected at most 1,000,000 bytes')
    expectNothing()
  })

  test('a compressed body, without unpacking it', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    const origin = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    await expect(download([`${origin}/net.h5`], target, options(origin))).rejects.toThrow('compressed with gzip, expected the file itself')
    expectNothing()
  })

  test('a body that ends early, after trying again', async () => {
    const origin = await serve(breakAfter(1000, ''))
    await expect(download([`${origin}/net.h5`], target, options(origin))).rejects.toThrow('the connection broke')
    expect(requests.length).toBeGreaterThan(1)
  })

  test('with one line that names every mirror, equal reasons once', async () => {
    const origin = await serve((_, response) => response.writeHead(404).end())
    const urls = [`${origin}/net.h5`, 'https://a.invalid/net.h5', 'https://b.invalid/net.h5']
    const resolve = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }))
    const job = download(urls, target, options(origin, { allowHosts: ['a.invalid', 'b.invalid'], resolve }))
    const host = new URL(origin).host
    await expect(job).rejects.toThrow(
      `Cannot download net.h5: ${host}: got status 404, expected 200; a.invalid and b.invalid: the host name is unknown, so there may be no network (ENOTFOUND)`,
    )
  })
})

describe('goes nowhere else', () => {
  const nowhere = () => Promise.reject(new Error('a host was looked up'))

  test.each([
    ['http://169.254.169.254/latest/meta-data', 'the address begins with http:, expected https:'],
    ['https://169.254.169.254/', 'the host is not one of weights.example'],
    ['https://[::ffff:169.254.169.254]/', 'the host is not one of weights.example'],
    ['file:///etc/passwd', 'the address begins with file:, expected https:'],
    ['data:text/plain,x', 'the address begins with data:, expected https:'],
    ['http://127.0.0.1:1/', 'the address begins with http:, expected https:'],
    ['https://weights.example:8443/', 'the host is not one of weights.example'],
    ['https://weights.example.evil.example/', 'the host is not one of weights.example'],
    ['https://me:secret@weights.example/', 'the address holds a password'],
  ])('when redirected to %s', async (location, message) => {
    const origin = await serve((_, response) => response.writeHead(302, { location }).end())
    const job = download([`${origin}/net.h5`], target, options(origin, { allowHosts: ['weights.example'], resolve: nowhere }))
    const error: unknown = await job.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'NETWORK', message: expect.stringContaining(message) as string })
    expect(String(error)).not.toContain('secret')
    expectNothing()
  })

  test('when the query of a redirect holds a signature: it is not repeated', async () => {
    const origin = await serve((_, response) => response.writeHead(302, { location: 'https://other.example/f?sig=SECRET' }).end())
    const error: unknown = await download([`${origin}/net.h5`], target, options(origin)).catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('sent on to https://other.example/f: ')
    expect(String(error)).not.toContain('SECRET')
  })

  test.each(['127.0.0.1', '169.254.169.254', '10.1.2.3', '::1', '::ffff:10.0.0.1', 'fd00::1'])(
    'when an allowed name leads to %s',
    async (address) => {
      const resolve = () => Promise.resolve([{ address, family: address.includes(':') ? 6 : 4 }])
      const job = download(
        ['https://weights.example/net.h5'],
        target,
        options('http://127.0.0.1:1', { allowHosts: ['weights.example'], resolve }),
      )
      await expect(job).rejects.toThrow(`weights.example leads to the private address ${address}`)
    },
  )

  test('when an allowed host is itself a private address', async () => {
    const job = download(['https://127.0.0.1/net.h5'], target, options('http://x', { allowHosts: ['127.0.0.1'] }))
    await expect(job).rejects.toThrow('the address is a private one')
  })

  test.each([
    ['8.8.8.8', false],
    ['198.18.0.5', false],
    ['2607:f8b0::1', false],
    ['172.15.0.1', false],
    ['172.31.255.255', true],
    ['0.0.0.0', true],
    ['::', true],
    ['fe80::1%eth0', true],
    ['::ffff:7f00:1', true],
    ['64:ff9b::a9fe:a9fe', true],
    ['64:ff9b::808:808', false],
    ['weights.example', false],
  ])('%s is private: %s', (address, expected) => expect(isPrivate(address)).toBe(expected))
})

describe('a proxy', () => {
  async function proxy(): Promise<{ url: string; tunnels: string[] }> {
    const tunnels: string[] = []
    const server = createServer((request, response) => {
      tunnels.push(String(request.url))
      const { port } = servers[0]?.address() as AddressInfo
      const { pathname } = new URL(String(request.url))
      const { method, headers } = request
      request.pipe(
        httpRequest({ port, host: '127.0.0.1', path: pathname, method, headers }, (reply) => {
          response.writeHead(reply.statusCode ?? 500, reply.headers)
          reply.pipe(response)
        }),
      )
    })
    server.on('connect', (request, socket) => {
      tunnels.push(String(request.url))
      const port = (servers[0]?.address() as AddressInfo).port
      const upstream = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels }
  }

  test('from the environment is used, and looks the name up itself', async () => {
    await serve(wholeFile())
    const { url, tunnels } = await proxy()
    vi.stubEnv('HTTP_PROXY', url)
    vi.stubEnv('http_proxy', url)
    const resolve = () => Promise.reject(new Error('the name was looked up here'))
    await download(['http://weights.example/net.h5'], target, options('http://weights.example', { resolve }))
    // Proxies open tunnels to port 443 at most.
    expect(tunnels).toEqual(['http://weights.example/net.h5'])
    expectOnlyTheFile()
  })

  test('that opens no tunnel is named with its status', async () => {
    const refusing = createServer().on('connect', (_request, socket) => socket.end('HTTP/1.1 407 Authenticate\r\n\r\n'))
    servers.push(refusing)
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, url)
    const job = download(['https://weights.example/net.h5'], target, options('http://x', { allowHosts: ['weights.example'] }))
    await expect(job).rejects.toThrow(/weights\.example: the proxy answered with status 407, expected a connection/)
  })

  test('is passed by for the hosts of NO_PROXY', async () => {
    const origin = await serve(wholeFile())
    const { url, tunnels } = await proxy()
    for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, url)
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '127.0.0.1')
    await download([`${origin}/net.h5`], target, options(origin))
    expect(tunnels).toEqual([])
    expectOnlyTheFile()
  })

  test('does not get plain requests for an https address', async () => {
    const { url, tunnels } = await proxy()
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, url)
    await serve(wholeFile())
    const job = download(['https://weights.example/net.h5'], target, options('http://x', { allowHosts: ['weights.example'] }))
    await expect(job).rejects.toMatchObject({ code: 'NETWORK' })
    expect(new Set(tunnels)).toEqual(new Set(['weights.example:443']))
  })

  test('with an unreadable address is refused without repeating it', async () => {
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, 'not a url with secret')
    const error: unknown = await download(['https://weights.example/net.h5'], target, options('http://x')).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'NETWORK', message: 'Cannot use the proxy of the environment: its address is not a URL' })
    expect(String(error)).not.toContain('secret')
  })
})

describe('several processes', () => {
  test('a killed one leaves what came to the next', async () => {
    const origin = await serve(
      inTurn((_, response) => {
        response.writeHead(200, { 'content-length': file.length, etag: '"v1"' })
        response.write(file.subarray(0, 100_000))
      }, wholeFile()),
    )
    const { child, output } = inChild(`${origin}/net.h5`)
    await vi.waitFor(() => expect(statSync(`${target}.part`).size).toBe(100_000), { timeout: 20_000 })
    child.kill('SIGKILL')
    await output
    expect(readdirSync(join(folder, 'models')).sort()).toEqual(['net.h5.lock', 'net.h5.part', 'net.h5.part.json'])
    await download([`${origin}/net.h5`], target, options(origin))
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=100000-'])
    expectOnlyTheFile()
  })

  test('at once fetch the file once', async () => {
    const origin = await serve((request, response) => setTimeout(() => wholeFile()(request, response), 300))
    const run = () => inChild(`${origin}/net.h5`).output
    expect(await Promise.all([run(), run(), run()])).toEqual([md5, md5, md5])
    expect(requests).toHaveLength(1)
    expectOnlyTheFile()
  })

  test('calls in one process wait for each other and say so', async () => {
    const origin = await serve((request, response) => setTimeout(() => wholeFile()(request, response), 300))
    const phases = new Set<string>()
    const onProgress = ({ phase }: DownloadProgress) => phases.add(phase)
    const one = () => download([`${origin}/net.h5`], target, options(origin, { onProgress }))
    expect(await Promise.all([one(), one()])).toEqual([md5, md5])
    expect(requests).toHaveLength(1)
    expect(phases).toEqual(new Set(['waiting', 'receiving']))
  })
})

describe('the disk', () => {
  test.skipIf(process.platform === 'win32')('that is full is named with the bytes that are needed', async () => {
    const origin = await serve(wholeFile())
    // A limit on the size of files stops a write as a full disk does.
    const output = await inChild(`${origin}/net.h5`, ['bash', '-c', 'ulimit -f 64; exec "$0" "$@"', process.execPath]).output
    expect(output).toBe(
      `FILE Cannot write ${target}.part: the file-size limit was reached (EFBIG) | ` +
        `Raise the limit (ulimit -f) or choose another file system (${file.length.toLocaleString('en-US')} bytes are needed)`,
    )
  })

  test('names the folder that cannot be made', async () => {
    const origin = await serve(wholeFile())
    writeFileSync(join(folder, 'models'), 'a file')
    await expect(download([`${origin}/net.h5`], target, options(origin))).rejects.toMatchObject({ code: 'FILE' })
    expect(requests).toHaveLength(0)
  })

  test.skipIf(process.getuid?.() === 0)('names the folder that cannot be written', async () => {
    const origin = await serve(wholeFile())
    mkdirSync(join(folder, 'models'))
    chmodSync(join(folder, 'models'), 0o555)
    await expect(download([`${origin}/net.h5`], target, options(origin))).rejects.toMatchObject({ code: 'FILE' })
    chmodSync(join(folder, 'models'), 0o755)
  })

  test('verifyFile names a missing file', async () => {
    await expect(verifyFile(target, { format: hdf5 })).rejects.toMatchObject({ code: 'FILE' })
  })
})
