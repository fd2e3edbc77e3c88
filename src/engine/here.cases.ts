/** @file The engines of this machine, for the suites that run on each, and what the others would need. */
import { existsSync, readdirSync } from 'node:fs'
import type { Tensor } from '../tensor/index.ts'
import type { Graph, Value } from '../graph/index.ts'
import { availableEngines, engine, engineNames, type EngineName, type Program } from './index.ts'

/** Where Debian's package chromium describes SwiftShader, a GPU in software. */
const softwareGpu = '/usr/lib/chromium/vk_swiftshader_icd.json'
const drivers = '/usr/share/vulkan/icd.d'

const hasDriver = existsSync(drivers) && readdirSync(drivers).length > 0
if (!hasDriver && existsSync(softwareGpu)) process.env['VK_ICD_FILENAMES'] ??= softwareGpu

export const needs: Readonly<Record<EngineName, string>> = {
  cpu: 'nothing',
  webgpu: 'a GPU with a Vulkan driver, or SwiftShader from `apt-get install chromium libvulkan1`',
  cuda: "an NVIDIA GPU and onnxruntime-node's CUDA library",
}

export const here: readonly EngineName[] = await availableEngines()
export const missing: readonly EngineName[] = engineNames.filter((name) => !here.includes(name))

/** Compiles, lends the program, disposes of it. One thread: the graphs are tiny. */
export async function withProgram<T>(name: EngineName, graph: Graph, use: (program: Program) => Promise<T>): Promise<T> {
  const program = await engine(name).compile(graph, { threads: 1 })
  try {
    return await use(program)
  } finally {
    await program.dispose()
  }
}

/** The outputs of one run. */
export function runOnce(name: EngineName, graph: Graph, feeds: ReadonlyMap<Value, Tensor>): Promise<ReadonlyMap<Value, Tensor>> {
  return withProgram(name, graph, (program) => program.run(feeds))
}
