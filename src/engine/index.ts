export { engineNames, type CompileOptions, type Engine, type EngineName, type Program } from './engine.ts'
export { engine, availableEngines } from './onnxruntime.ts'
