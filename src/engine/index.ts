/** @file Public face of engine/: compiles graphs and runs them, on the processor or a graphics card. */
export { engineNames, type CompileOptions, type Engine, type EngineName, type Program } from './engine.ts'
export { engine, availableEngines } from './onnxruntime.ts'
export { engineThreads } from './threads.ts'
export { probeEngines, runtimeVersion } from './probe.ts'
export { bytesFor, compileKernel, kernelMemory, type Kernel } from './kernel/kernel.ts'
export type { LoopMemory } from './kernel/webassembly.ts'
