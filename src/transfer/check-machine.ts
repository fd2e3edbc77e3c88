/** @file Whether this machine has what a training needs: an engine that computes, memory, disk, weights, network. */
import { freemem, totalmem } from 'node:os'
import { RootstockError, messageOf, refuseUnknown } from '../errors.ts'
import { decode, encodePng } from '../image/index.ts'
import type { Answer, Check, Machine, MachineCheck } from './machine/check.ts'
import { checkDisk, checkFeatureFolder, checkWeights, checkWeightsFolder } from './machine/folders.ts'
import { checkNetwork } from './machine/network.ts'
import { checkEngine, checkMemory, checkOtherEngines, checkProcessor, processorFlags } from './machine/processor.ts'

export type { MachineCheck } from './machine/check.ts'

/** How the machine is checked. */
export interface CheckMachineOptions extends Partial<Machine> {
  /** Hears of every row as soon as it is known. */
  readonly onCheck?: (check: MachineCheck, done: number, total: number) => void
}

const OPTIONS: Readonly<Record<keyof CheckMachineOptions, true>> = {
  environment: true,
  nodeVersion: true,
  memory: true,
  processorFlags: true,
  askNetwork: true,
  signal: true,
  onCheck: true,
}

const oldestNode = [20, 9] as const

const checks: readonly (readonly [name: string, check: Check])[] = [
  ['Node', ({ nodeVersion }) => checkNode(nodeVersion)],
  ['processor', checkProcessor],
  ['engine', checkEngine],
  ['other engines', checkOtherEngines],
  ['pictures', checkPictures],
  ['memory', checkMemory],
  ['cache folder', checkWeightsFolder],
  ['feature folder', checkFeatureFolder],
  ['free disk', checkDisk],
  ['weights', checkWeights],
  ['network', checkNetwork],
]

/** Goes through all checks; none of them throws, and nothing is downloaded. With `askNetwork`, the server of the weights is asked for one byte. */
export async function checkMachine(options: CheckMachineOptions = {}): Promise<MachineCheck[]> {
  refuseUnknown('checkMachine', options, OPTIONS)
  const { onCheck, ...given } = options
  const machine: Machine = {
    environment: process.env,
    nodeVersion: process.versions.node,
    memory: { total: totalmem(), free: freeMemory() },
    processorFlags: processorFlags(),
    askNetwork: false,
    signal: undefined,
    ...given,
  }
  const rows: MachineCheck[] = []
  for (const [name, check] of checks) {
    const row = { name, ...(await answerOf(check, machine)) }
    rows.push(row)
    onCheck?.(row, rows.length, checks.length)
  }
  return rows
}

async function answerOf(check: Check, machine: Machine): Promise<Answer> {
  try {
    return await check(machine)
  } catch (error) {
    const hint = error instanceof RootstockError ? error.hint : undefined
    return { status: 'fail', found: messageOf(error), ...(hint !== undefined && { hint }) }
  }
}

function checkNode(version: string): Answer {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  const found = `${version} on ${process.platform} ${process.arch}`
  return isNew ? { status: 'ok', found } : { status: 'fail', found, hint: `Install Node ${oldestNode.join('.')} or newer` }
}

/** Writes a picture and reads it again. */
async function checkPictures(): Promise<Answer> {
  const data = Uint8Array.of(0, 50, 100, 150, 200, 250)
  const read = await decode(await encodePng({ data, width: 2, height: 1 }), 'a drawing')
  const { default: sharp } = await import('sharp')
  const isRight = read.pixels.data.every((value, i) => value === data[i])
  return isRight
    ? { status: 'ok', found: `sharp ${sharp.versions.sharp ?? ''} reads them, libvips ${sharp.versions.vips}` }
    : { status: 'fail', found: 'a picture that was written is read otherwise', hint: 'Install the package sharp again' }
}

/** Node 20 counts memory that only caches files as used; newer ones know better. */
function freeMemory(): number {
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem()
}
