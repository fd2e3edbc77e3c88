/** @file Whether this machine has what a training needs: an engine that computes, memory, disk, weights, network. */
import { constants } from 'node:fs'
import { access, mkdir, readdir, statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { messageOf } from '../errors.ts'
import { allReleases } from '../applications/index.ts'
import { engine, probeEngines, type EngineName } from '../engine/index.ts'
import { cacheFolder, isOffline } from '../files/index.ts'
import { createTape } from '../graph/index.ts'
import { tensor } from '../tensor/index.ts'

/** One row of the check. */
export interface MachineCheck {
  /** What was checked. */
  readonly name: string
  /** 'warn' is something that may hurt later, 'fail' something that does not work. */
  readonly status: 'ok' | 'warn' | 'fail'
  /** What was found. */
  readonly found: string
  /** What to do about it. */
  readonly hint?: string
}

/** What a check looks at; this process by default. */
interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly nodeVersion: string
  readonly memory: { readonly total: number; readonly free: number }
}

type Check = (machine: Machine) => Promise<Omit<MachineCheck, 'name'>> | Omit<MachineCheck, 'name'>

const GB = 2 ** 30
const oldestNode = [20, 9] as const
/** InceptionV3 with its features needs about as much. */
const wantedMemory = 1 * GB
/** The largest released weights, and room for features. */
const wantedDisk = 2 * GB

const checks: readonly (readonly [name: string, check: Check])[] = [
  ['Node', ({ nodeVersion }) => checkNode(nodeVersion)],
  ['engine', ({ environment }) => checkEngine(environment['ROOTSTOCK_ENGINE'] ?? 'cpu')],
  ['other engines', () => checkOtherEngines()],
  ['memory', ({ memory }) => checkMemory(memory)],
  ['cache folder', ({ environment }) => checkCache(cacheFolder({ environment }))],
  ['free disk', ({ environment }) => checkDisk(cacheFolder({ environment }))],
  ['weights', ({ environment }) => checkWeights(cacheFolder({ environment }), environment)],
  ['network', ({ environment }) => checkNetwork(environment)],
]

/** Goes through all checks; none of them throws, and nothing is downloaded. */
export async function checkMachine(given: Partial<Machine> = {}): Promise<MachineCheck[]> {
  const memory = { total: totalmem(), free: freeMemory() }
  const machine = { environment: process.env, nodeVersion: process.versions.node, memory, ...given }
  const rows: MachineCheck[] = []
  for (const [name, check] of checks) {
    try {
      rows.push({ name, ...(await check(machine)) })
    } catch (error) {
      rows.push({ name, status: 'fail', found: messageOf(error) })
    }
  }
  return rows
}

function checkNode(version: string): Omit<MachineCheck, 'name'> {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  const found = `${version} on ${process.platform} ${process.arch}`
  return isNew ? { status: 'ok', found } : { status: 'fail', found, hint: `Install Node ${oldestNode.join('.')} or newer` }
}

/** Computes softmax(relu(x · w)) and compares it with what it must be. */
async function checkEngine(name: string): Promise<Omit<MachineCheck, 'name'>> {
  const tape = createTape()
  const x = tape.input('x', { shape: [1, 2], dtype: 'float32' })
  const w = tape.constant(tensor([1, -1, 2, 1], [2, 2]))
  const y = tape.op('Softmax', [tape.op('Relu', [tape.op('MatMul', [x, w], {})], {})], { axis: 1 })
  const program = await engine(name).compile(tape.graph([y]), { threads: 1 })
  try {
    const [first = NaN, second = NaN] = (await program.run(new Map([[x, tensor([1, 2], [1, 2])]]))).get(y)?.data as Float32Array
    const expected = 1 / (1 + Math.exp(-4))
    const isRight = Math.abs(first - expected) < 1e-5 && Math.abs(first + second - 1) < 1e-5
    return isRight
      ? { status: 'ok', found: `${name} computes` }
      : { status: 'fail', found: `${name} gives ${first} for ${expected}`, hint: 'Set ROOTSTOCK_ENGINE=cpu' }
  } finally {
    await program.dispose()
  }
}

async function checkOtherEngines(): Promise<Omit<MachineCheck, 'name'>> {
  const found: readonly EngineName[] = await probeEngines()
  const others = found.filter((name) => name !== 'cpu')
  return { status: 'ok', found: others.length === 0 ? 'none: webgpu and cuda find no device' : others.join(', ') }
}

function checkMemory({ total, free }: Machine['memory']): Omit<MachineCheck, 'name'> {
  const found = `${gigabytes(free)} free of ${gigabytes(total)}`
  return free >= wantedMemory
    ? { status: 'ok', found }
    : { status: 'warn', found, hint: 'Close other programs, or take mobilenet and a small --size' }
}

/** Node 20 counts memory that only caches files as used; newer ones know better. */
function freeMemory(): number {
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem()
}

async function checkCache(folder: string): Promise<Omit<MachineCheck, 'name'>> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
    return { status: 'ok', found: `${folder} can be written` }
  } catch (error) {
    return { status: 'fail', found: `${folder} cannot be written: ${messageOf(error)}`, hint: 'Set ROOTSTOCK_HOME to a folder that can' }
  }
}

async function checkDisk(folder: string): Promise<Omit<MachineCheck, 'name'>> {
  const { bavail, bsize } = await statfs(await nearestFolder(folder))
  const free = bavail * bsize
  const found = `${gigabytes(free)} free at ${folder}`
  return free >= wantedDisk ? { status: 'ok', found } : { status: 'warn', found, hint: 'Weights and stored features may not fit' }
}

async function nearestFolder(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  return isThere || dirname(folder) === folder ? folder : nearestFolder(dirname(folder))
}

async function checkWeights(folder: string, environment: Machine['environment']): Promise<Omit<MachineCheck, 'name'>> {
  const own = environment['ROOTSTOCK_WEIGHTS']
  const lists = await Promise.all([folder, ...(own ? [own] : [])].map((place) => readdir(place).catch((): string[] => [])))
  const present = new Set(lists.flat())
  const files = allReleases()
    .filter(({ file }) => present.has(file))
    .map(({ file }) => file)
  if (files.length > 0) return { status: 'ok', found: files.length > 4 ? `${files.length} released files` : files.join(', ') }
  const canFetch = !isOffline(environment)
  return canFetch
    ? { status: 'ok', found: 'none yet; the first use downloads them' }
    : {
        status: 'warn',
        found: 'none, and the network is off',
        hint: `Put released files into ${folder}, or name a folder in ROOTSTOCK_WEIGHTS`,
      }
}

function checkNetwork(environment: Machine['environment']): Omit<MachineCheck, 'name'> {
  if (isOffline(environment)) return { status: 'ok', found: 'off (ROOTSTOCK_OFFLINE)' }
  const mirror = environment['ROOTSTOCK_MIRROR']
  const proxy = environment['HTTPS_PROXY'] ?? environment['https_proxy']
  const ways = [...(mirror ? ['through the mirror of ROOTSTOCK_MIRROR'] : []), ...(proxy ? ['through the proxy of HTTPS_PROXY'] : [])]
  return { status: 'ok', found: ways.length > 0 ? `allowed, ${ways.join(', ')}` : 'allowed, not tried' }
}

function gigabytes(bytes: number): string {
  return `${(bytes / GB).toFixed(1)} GB`
}
