import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withLock, type Lock } from './lock.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rootstock-lock-'))
  path = join(folder, 'x.lock')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What this process writes into its lock. */
async function ownRecord(): Promise<Record<string, unknown>> {
  return withLock(path, () => Promise.resolve(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>))
}

const quick = { pollMs: 5, patienceMs: 300 }
const fast = { pollMs: 5 }
const maybeAlive = (lock: Lock) => Promise.resolve(lock.formerOwnerMayLive)

test('is there during the work and gone after it, also after an error', async () => {
  await withLock(path, (lock) => {
    expect(lock.isMine()).toBe(true)
    return Promise.resolve()
  })
  await expect(withLock(path, () => Promise.reject(new Error('work failed')))).rejects.toThrow('work failed')
  expect(readdirSync(folder)).toEqual([])
})

test('lets one at a time work', async () => {
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await sleep(10)
    inside--
  }
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, work, fast)))
  expect(most).toBe(1)
})

describe('a dead owner', () => {
  test.each([
    ['whose process is gone', { pid: 2 ** 22 + 1 }],
    ['whose process id was given out again', { start: '1' }],
    ['from before a restart of the machine', { boot: 'another boot' }],
  ])('%s is replaced at once', async (_, change) => {
    if (!existsSync('/proc/self/stat') && !('pid' in change)) return
    writeFileSync(path, JSON.stringify({ ...(await ownRecord()), token: 'other', ...change }))
    let waited = 0
    expect(await withLock(path, maybeAlive, { ...fast, onWait: () => waited++ })).toBe(false)
    expect(waited).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  })

  test('is replaced by one of several processes at a time', async () => {
    writeFileSync(path, JSON.stringify({ ...(await ownRecord()), pid: 2 ** 22 + 1 }))
    const log = join(folder, 'log')
    const script = join(import.meta.dirname, '../../test/lock-child.ts')
    const run = () =>
      new Promise<number | null>((resolve) => {
        spawn(process.execPath, ['--import', 'tsx', script, path, log], { stdio: 'inherit' }).on('close', resolve)
      })
    expect(await Promise.all([run(), run(), run()])).toEqual([0, 0, 0])
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(30)
    lines.forEach((line, i) => expect(line.replace(/^\w+/, '')).toBe(lines[i - (i % 2)]?.replace(/^\w+/, '')))
    expect(lines.map((line) => line.split(' ')[0])).toEqual(Array.from({ length: 15 }, () => ['enter', 'leave']).flat())
  })
})

test('an owner to whom an emulator told its start some ticks late is alive', async () => {
  const own = await ownRecord()
  if (own['start'] === '') return
  writeFileSync(path, JSON.stringify({ ...own, token: 'other', start: String(Number(own['start']) + 3) }))
  let waited = 0
  expect(await withLock(path, maybeAlive, { ...quick, onWait: () => waited++ })).toBe(true)
  expect(waited).toBe(1)
})

describe('an owner that cannot be asked', () => {
  test.each([
    ['on another machine', '{"token":"t","machine":"elsewhere","boot":"b","pid":1,"start":"1"}'],
    ['that has not signed yet', ''],
    ['that wrote nonsense', '[1,2'],
    ['that wrote null', 'null'],
  ])('%s is replaced after its silence, and may live', async (_, text) => {
    writeFileSync(path, text)
    const began = performance.now()
    expect(await withLock(path, maybeAlive, quick)).toBe(true)
    expect(performance.now() - began).toBeGreaterThanOrEqual(300)
  })

  test('is left alone while it gives signs of life', async () => {
    const holder = withLock(path, () => sleep(900, 'held'), quick)
    let waited = 0
    const second = withLock(path, maybeAlive, { ...quick, onWait: () => waited++ })
    expect(await holder).toBe('held')
    expect(await second).toBe(false)
    expect(waited).toBe(1)
  })
})

test('an owner that was replaced learns it, and leaves the new lock alone', async () => {
  await withLock(path, (lock) => {
    writeFileSync(path, 'somebody else')
    expect(lock.isMine()).toBe(false)
    return Promise.resolve()
  })
  expect(readFileSync(path, 'utf8')).toBe('somebody else')
})

test('the wait ends with the signal', async () => {
  await withLock(path, async () => {
    await expect(withLock(path, maybeAlive, { ...fast, signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('a folder that is missing is named', async () => {
  await expect(withLock(join(folder, 'none', 'x.lock'), maybeAlive)).rejects.toMatchObject({ code: 'FILE' })
  expect(statSync(folder).isDirectory()).toBe(true)
})
