import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { drive } from './drive.cases.ts'
import { remoteMonitor } from './remote-monitor.ts'

interface Received {
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let server: Server
let received: Received[] = []
beforeEach(async () => {
  received = []
  server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ url: request.url, headers: request.headers, body })
      response.writeHead(request.url?.includes('broken') ? 500 : 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

const root = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

describe('remoteMonitor', () => {
  it('posts a form, as Keras does', async () => {
    const { events } = await drive([remoteMonitor({ root: root() })], [0.5, NaN])
    expect(events).toEqual([])
    expect(received.map(({ url }) => url)).toEqual(['/publish/epoch/end/', '/publish/epoch/end/'])
    expect(received[0]?.headers['content-type']).toContain('application/x-www-form-urlencoded')
    const data = received.map(({ body }) => JSON.parse(new URLSearchParams(body).get('data') ?? '') as unknown)
    expect(data).toEqual([
      { epoch: 0, val_loss: 0.5 },
      { epoch: 1, val_loss: null },
    ])
  })

  it('posts JSON with headers to another path', async () => {
    await drive([remoteMonitor({ root: root(), path: '/mine', sendAsJson: true, headers: { 'x-key': 'k' } })], [1])
    expect(received[0]).toMatchObject({ url: '/mine', body: '{"epoch":0,"val_loss":1}' })
    expect(received[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'x-key': 'k' })
  })

  it('goes on when the server answers with an error, or not at all', async () => {
    expect((await drive([remoteMonitor({ root: root(), path: '/broken' })], [1])).events).toEqual([])
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const { events } = await drive([remoteMonitor({ root: `http://127.0.0.1:${port}` })], [1, 2, 3])
    expect(events).toMatchObject([
      { type: 'warning', by: 'remoteMonitor', message: expect.stringContaining(`127.0.0.1:${port}`) as string },
    ])
  })

  it('refuses what is no address', () => {
    expect(() => remoteMonitor({ root: 'nowhere' })).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})
