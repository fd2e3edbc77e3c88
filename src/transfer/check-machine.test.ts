/** @file The check of the machine, on machines that are made up. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkMachine, type CheckMachineOptions, type MachineCheck } from './check-machine.ts'

const home = mkdtempSync(join(tmpdir(), 'rootstock-machine-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const at = (...names: string[]): string => join(home, ...names)
const environment = { ROOTSTOCK_HOME: at('home'), ROOTSTOCK_CACHE: at('cache'), ROOTSTOCK_OFFLINE: '1' }

/** The rows by name. */
async function check(options: CheckMachineOptions): Promise<(name: string) => MachineCheck | undefined> {
  const rows = await checkMachine({ environment, ...options })
  return (name) => rows.find((row) => row.name === name)
}

/** A mirror that answers every request with `status`; its address. */
async function mirror(status: number): Promise<string> {
  const server: Server = createServer((_, response) => response.writeHead(status).end('x'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('checkMachine', () => {
  it('finds an engine that computes, pictures that are read, and folders that can be written', async () => {
    const seen: string[] = []
    const row = await check({ onCheck: ({ name }, done, total) => seen.push(`${name} ${done}/${total}`) })
    expect(row('Node')?.status).toBe('ok')
    expect(row('engine')).toMatchObject({
      status: 'ok',
      found: expect.stringMatching(/^cpu computes right: ONNX Runtime 1\.\d+\.\d+, \d+ threads/) as string,
    })
    expect(row('pictures')).toMatchObject({ status: 'ok', found: expect.stringMatching(/^sharp \d/) as string })
    expect(row('cache folder')).toEqual({ name: 'cache folder', status: 'ok', found: `${at('home', 'models')} can be written` })
    expect(row('feature folder')?.found).toMatch(/can be written and is empty/)
    expect(row('weights')).toMatchObject({ status: 'warn', found: 'none, and the network is off' })
    expect(row('network')).toMatchObject({ status: 'ok', found: 'off (ROOTSTOCK_OFFLINE)' })
    expect(seen[0]).toBe('Node 1/11')
    expect(seen.at(-1)).toBe('network 11/11')
  })

  it('says what to do about an old Node, little memory, an unknown engine and folders that cannot be written', async () => {
    writeFileSync(at('file'), '')
    const row = await check({
      nodeVersion: '18.19.0',
      memory: { total: 2 ** 31, free: 2 ** 28 },
      environment: { ...environment, ROOTSTOCK_HOME: at('file'), ROOTSTOCK_CACHE: at('file'), ROOTSTOCK_ENGINE: 'gpu' },
    })
    expect(row('Node')).toMatchObject({ status: 'fail', hint: 'Install Node 20.9 or newer' })
    expect(row('memory')).toMatchObject({ status: 'warn', found: '256 MB free of 2.0 GB' })
    expect(row('engine')).toMatchObject({
      status: 'fail',
      found: 'Unknown engine "gpu"',
      hint: expect.stringContaining('webgpu') as string,
    })
    expect(row('cache folder')).toMatchObject({ status: 'fail', hint: 'Set ROOTSTOCK_HOME to a folder that can' })
    expect(row('feature folder')).toMatchObject({ status: 'warn', hint: expect.stringContaining('ROOTSTOCK_CACHE') as string })
  })

  it('tells of a damaged feature store', async () => {
    mkdirSync(at('damaged/features'), { recursive: true })
    writeFileSync(at('damaged/features/features.lmdb'), Buffer.alloc(1000))
    const row = await check({ environment: { ...environment, ROOTSTOCK_CACHE: at('damaged') } })
    expect(row('feature folder')).toMatchObject({
      status: 'warn',
      found: expect.stringMatching(/is damaged: its first pages are not those of a store$/) as string,
    })
  })

  it('names the instructions of the processor that matter', async () => {
    const of = async (flags: readonly string[] | undefined): Promise<string> =>
      (await check({ processorFlags: flags && new Set(flags) }))('processor')?.found ?? ''
    expect(await of(['avx2', 'avx512f', 'avx512_vnni'])).toMatch(/AVX2, AVX-512, AVX-512 VNNI$/)
    expect(await of(['avx2'])).toMatch(/AVX2; no VNNI/)
    expect(await of(undefined)).toMatch(/does not list its instructions/)
  })

  it('finds released weights, and those that are damaged', async () => {
    const models = at('other', 'models')
    mkdirSync(models, { recursive: true })
    const file = join(models, 'mobilenet_2_5_224_tf.h5')
    writeFileSync(file, 'no weights')
    const options = { environment: { ...environment, ROOTSTOCK_HOME: at('other') } }
    expect((await check(options))('weights')).toMatchObject({
      status: 'fail',
      found: `1 of 1 released files are damaged; the first is ${file}: found no HDF5 file`,
    })
    writeFileSync(file, Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a))
    expect((await check(options))('weights')).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('mobilenet_2_5_224_tf.h5') as string,
    })
  })

  it('asks the mirror whether it answers, and does not ask where it may not', async () => {
    const found = async (address: string, askNetwork = true): Promise<MachineCheck | undefined> =>
      (await check({ askNetwork, environment: { ...environment, ROOTSTOCK_OFFLINE: '', ROOTSTOCK_MIRROR: address } }))('network')
    const good = await mirror(206)
    expect(await found(good)).toMatchObject({ status: 'ok', found: `${new URL(good).host} answers, the mirror of ROOTSTOCK_MIRROR` })
    expect(await found(await mirror(404))).toMatchObject({ status: 'warn', found: expect.stringContaining('status 404') as string })
    expect(await found('http://127.0.0.1:1')).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('the connection was refused') as string,
    })
    expect(await found('http://127.0.0.1:1', false)).toMatchObject({
      status: 'ok',
      found: expect.stringMatching(/^allowed, not tried/) as string,
    })
    expect(await found('nonsense')).toMatchObject({ status: 'fail', found: expect.stringContaining('ROOTSTOCK_MIRROR') as string })
  })
})
