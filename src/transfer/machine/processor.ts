/** @file Checks of what computes: the processor, the engine, other engines, memory. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { engine, engineThreads, probeEngines, runtimeVersion } from '../../engine/index.ts'
import { createTape } from '../../graph/index.ts'
import { tensor } from '../../tensor/index.ts'
import { sizeInWords, type Answer, type Machine } from './check.ts'

/** InceptionV3 with its features needs about as much. */
const wantedMemory = 2 ** 30

/** Instruction sets that decide how fast the engine is, by the names that Linux has for them. */
const INSTRUCTIONS: readonly (readonly [flag: string, name: string])[] = [
  ['avx2', 'AVX2'],
  ['avx512f', 'AVX-512'],
  ['avx512_vnni', 'AVX-512 VNNI'],
  ['avx_vnni', 'AVX-VNNI'],
  ['amx_int8', 'AMX'],
  ['asimddp', 'dot products'],
  ['i8mm', 'I8MM'],
]
/** With one of these, 8-bit networks are two to three times as fast as in float32. */
const BYTE_FLAGS = ['avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm']

/** The features of the processor that Linux lists. */
export function processorFlags(): ReadonlySet<string> | undefined {
  try {
    const [, flags] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? []
    return flags === undefined ? undefined : new Set(flags.split(' '))
  } catch {
    return undefined
  }
}

/** The model, and which fast instructions it has. */
export function checkProcessor({ processorFlags: flags }: Machine): Answer {
  const model = `${cpus()[0]?.model.trim() || process.arch}, ${availableParallelism()} threads`
  if (!flags) return { status: 'ok', found: `${model}; this system does not list its instructions` }
  const names = INSTRUCTIONS.flatMap(([flag, name]) => (flags.has(flag) ? [name] : []))
  const found = `${model}; ${names.length > 0 ? names.join(', ') : 'no AVX2'}`
  if (process.arch === 'x64' && !flags.has('avx2'))
    return { status: 'warn', found, hint: 'It works, but slowly: take mobilenet and a small --size' }
  return BYTE_FLAGS.some((flag) => flags.has(flag))
    ? { status: 'ok', found }
    : { status: 'ok', found: `${found}; no VNNI: --precision int8 is 1.4 to 2 times as fast as fp32, not 2 to 3` }
}

/** Computes softmax(relu(x · w)) and compares it with what it must be. */
export async function checkEngine({ environment }: Machine): Promise<Answer> {
  const name = environment['ROOTSTOCK_ENGINE'] || 'cpu'
  const tape = createTape()
  const x = tape.input('x', { shape: [1, 2], dtype: 'float32' })
  const w = tape.constant(tensor([1, -1, 2, 1], [2, 2]))
  const y = tape.op('Softmax', [tape.op('Relu', [tape.op('MatMul', [x, w], {})], {})], { axis: 1 })
  const program = await engine(name).compile(tape.graph([y]))
  try {
    const [first = NaN, second = NaN] = (await program.run(new Map([[x, tensor([1, 2], [1, 2])]]))).get(y)?.data as Float32Array
    const expected = 1 / (1 + Math.exp(-4))
    const isRight = Math.abs(first - expected) < 1e-5 && Math.abs(first + second - 1) < 1e-5
    return isRight
      ? {
          status: 'ok',
          found: `${name} computes right: ONNX Runtime ${await runtimeVersion()}, ${engineThreads(environment['ROOTSTOCK_THREADS'])} threads`,
        }
      : { status: 'fail', found: `${name} gives ${first} for ${expected}`, hint: 'Set ROOTSTOCK_ENGINE=cpu' }
  } finally {
    await program.dispose()
  }
}

/** Engines beside the processor. */
export async function checkOtherEngines(): Promise<Answer> {
  const others = (await probeEngines()).filter((name) => name !== 'cpu')
  return { status: 'ok', found: others.length === 0 ? 'none: webgpu and cuda find no device' : others.join(', ') }
}

/** Free memory of this machine. */
export function checkMemory({ memory: { total, free } }: Machine): Answer {
  const found = `${sizeInWords(free)} free of ${sizeInWords(total)}`
  return free >= wantedMemory
    ? { status: 'ok', found }
    : { status: 'warn', found, hint: 'Close other programs, or take mobilenet and a small --size' }
}
