/** @file atomicWrite against faults injected at every call of the file system. */
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RootstockError } from '../errors.ts'
import { atomicWrite, atomicWriteSync, atomicWriteWith, sweepTemporaries } from './atomic-write.ts'
import type { FileSystem } from './atomic-write.ts'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'rootstock-atomic-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31) & 255)

async function* pieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < data.length; i += size) {
    await Promise.resolve()
    yield data.subarray(i, i + size)
  }
}

/** A file system whose `call`-th call throws `code`, counted over all functions; `counted` tells how many there were. */
function faulty(call: number, code: string): { system: FileSystem; counted: () => number } {
  let count = 0
  const wrap = <A extends unknown[], R>(f: (...args: A) => R) => {
    return (...args: A): R => {
      if (++count === call) throw Object.assign(new Error(code), { code })
      return f(...args)
    }
  }
  const names = [
    'openSync',
    'writeSync',
    'fsyncSync',
    'fstatSync',
    'ftruncateSync',
    'readSync',
    'closeSync',
    'renameSync',
    'unlinkSync',
  ] as const
  const wrapped = Object.fromEntries(names.map((name) => [name, wrap(fs[name] as (...args: unknown[]) => unknown)]))
  return { system: { ...fs, ...wrapped }, counted: () => count }
}

describe('atomicWrite', () => {
  test('writes bytes, iterables and async iterables', async () => {
    const data = bytes(100_003)
    const path = join(folder, 'new', 'folders', 'a.bin')
    await atomicWrite(path, data)
    expect(fs.readFileSync(path).equals(data)).toBe(true)
    await atomicWrite(path, [data.subarray(0, 7), data.subarray(7)])
    expect(fs.readFileSync(path).equals(data)).toBe(true)
    await atomicWrite(path, pieces(data, 999))
    expect(fs.readFileSync(path).equals(data)).toBe(true)
    await atomicWrite(path, new Uint8Array(0))
    expect(fs.statSync(path).size).toBe(0)
    expect(fs.readdirSync(join(folder, 'new', 'folders'))).toEqual(['a.bin'])
  })

  test('leaves the old or the new file after a failure of any call', async () => {
    const path = join(folder, 'a.bin')
    const clean = faulty(0, '')
    await atomicWrite(path, pieces(bytes(50), 20), clean.system)
    expect(clean.counted()).toBeGreaterThan(8)
    for (let call = 1; call <= clean.counted(); call++) {
      fs.writeFileSync(path, 'old')
      const { system } = faulty(call, 'EIO')
      const error = await atomicWrite(path, pieces(bytes(50), 20), system).catch((e: unknown) => e)
      expect(error, `call ${call}`).toBeInstanceOf(RootstockError)
      expect(error).toMatchObject({ code: 'FILE', message: `Cannot write ${path}: the device reported an input/output error (EIO)` })
      const found = fs.readFileSync(path)
      expect(found.equals(Buffer.from('old')) || found.equals(bytes(50))).toBe(true)
      expect(fs.readdirSync(folder), `call ${call}`).toEqual(['a.bin'])
    }
  })

  test('goes on after short writes', async () => {
    const data = bytes(1001)
    const path = join(folder, 'a.bin')
    const half = (...[fd, from, offset, length, position]: [number, Uint8Array, number, number, number]) =>
      fs.writeSync(fd, from, offset, Math.max(1, length >> 1), position)
    await atomicWrite(path, data, { ...fs, writeSync: half as typeof fs.writeSync })
    expect(fs.readFileSync(path).equals(data)).toBe(true)
  })

  test.each([
    ['ENOSPC', 'no space is left on the device'],
    ['EROFS', 'the file system is read-only'],
    ['EFBIG', 'the file-size limit was reached'],
    ['EACCES', 'permission is denied'],
  ])('names the file, the cause of %s and the bytes needed', async (code, text) => {
    const path = join(folder, 'a.bin')
    const system = { ...fs, writeSync: (() => { throw Object.assign(new Error(code), { code }) }) as typeof fs.writeSync } // prettier-ignore
    const error = await atomicWrite(path, bytes(4096), system).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'FILE', message: `Cannot write ${path}: ${text} (${code})` })
    expect((error as RootstockError).hint).toContain('4,096 bytes are needed')
  })

  test('refuses a disk that takes nothing instead of looping', async () => {
    const error = await atomicWrite(join(folder, 'a'), bytes(9), { ...fs, writeSync: () => 0 }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'FILE' })
  })

  test('meets a real file-size limit with an error, not with a short file', () => {
    const path = join(folder, 'big.bin')
    const script = `import { atomicWriteSync } from ${JSON.stringify(new URL('./atomic-write.ts', import.meta.url).href)}
      try { atomicWriteSync(${JSON.stringify(path)}, new Uint8Array(65536)); console.log('written') } catch (e) { console.log(e.message) }`
    const run = spawnSync('bash', ['-c', `ulimit -f 16; trap '' XFSZ; exec node --import tsx --input-type=module -e "$0"`, script], {
      encoding: 'utf8',
    })
    expect(run.stdout + run.stderr).toContain('(EFBIG)')
    expect(fs.readdirSync(folder)).toEqual([])
  })

  test('refuses what is not a regular file', async () => {
    await expect(atomicWrite(folder, bytes(1))).rejects.toMatchObject({
      code: 'FILE',
      message: `Cannot write ${folder}: it is not a regular file`,
    })
    await expect(atomicWrite('/dev/null', bytes(1))).rejects.toMatchObject({ code: 'FILE' })
    fs.writeFileSync(join(folder, 'f'), '')
    await expect(atomicWrite(join(folder, 'f', 'x'), bytes(1))).rejects.toMatchObject({ code: 'FILE' })
  })

  test('keeps the mode of the old file and writes through a link', async () => {
    const path = join(folder, 'a.bin')
    fs.writeFileSync(path, 'old')
    fs.chmodSync(path, 0o600)
    fs.symlinkSync(path, join(folder, 'link'))
    await atomicWrite(join(folder, 'link'), bytes(3))
    expect(fs.statSync(path).mode & 0o777).toBe(0o600)
    expect(fs.lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
    expect(fs.readFileSync(path).equals(bytes(3))).toBe(true)
  })
})

test('atomicWriteSync writes text', () => {
  atomicWriteSync(join(folder, 'a.json'), '{"é":1}')
  expect(fs.readFileSync(join(folder, 'a.json'), 'utf8')).toBe('{"é":1}')
})

test('atomicWriteWith gives positions, and an error of the writer passes through', async () => {
  const path = join(folder, 'a.bin')
  await atomicWriteWith(path, (file) => {
    file.write(bytes(10), 5)
    file.write(bytes(5), 0)
    const back = new Uint8Array(4)
    expect(file.read(back, 5)).toBe(4)
    expect(back).toEqual(bytes(4))
    file.truncate(8)
    expect(file.size()).toBe(8)
  })
  expect(fs.readFileSync(path).equals(Buffer.concat([bytes(5), bytes(3)]))).toBe(true)
  await expect(atomicWriteWith(path, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  expect(fs.readdirSync(folder)).toEqual(['a.bin'])
})

test('a process that ends while it writes leaves nothing', () => {
  const module = JSON.stringify(new URL('./atomic-write.ts', import.meta.url).href)
  const script = `import { atomicWriteWith } from ${module}
    await atomicWriteWith(${JSON.stringify(join(folder, 'a.bin'))}, (f) => { f.write(new Uint8Array(10), 0); process.exit(130) })`
  const { status } = spawnSync('node', ['--import', 'tsx', '--input-type=module', '-e', script])
  expect(status).toBe(130)
  expect(fs.readdirSync(folder)).toEqual([])
})

test('sweepTemporaries removes what a killed writer left and nothing else', () => {
  const module = JSON.stringify(new URL('./atomic-write.ts', import.meta.url).href)
  const script = `import { atomicWriteWith } from ${module}
    await atomicWriteWith(${JSON.stringify(join(folder, 'a.bin'))}, (f) => { f.write(new Uint8Array(10), 0); process.kill(process.pid, 'SIGKILL') })`
  spawnSync('node', ['--import', 'tsx', '--input-type=module', '-e', script])
  fs.writeFileSync(join(folder, '.mine.tmp'), '')
  expect(fs.readdirSync(folder)).toHaveLength(2)
  expect(sweepTemporaries(folder, { untouchedMs: 60_000 })).toEqual([])
  expect(sweepTemporaries(folder)).toHaveLength(1)
  expect(fs.readdirSync(folder)).toEqual(['.mine.tmp'])
})
