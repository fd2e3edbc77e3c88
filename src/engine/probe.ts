/** @file Looks for the engines of this machine in a process of its own: drivers print what they like, and some end the process. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createTape } from '../graph/index.ts'
import { writeOnnx } from '../onnx/index.ts'
import { engineNames, type EngineName } from './engine.ts'
import { loadRuntime } from './runtime.ts'

/** Makes a session of a tiny graph, which only works where there is a device. Arguments: the runtime, the engine, the graph in base64. */
const script = `
const [runtime, name, graph] = process.argv.slice(1)
const ort = require(runtime)
const options = { executionProviders: name === 'cpu' ? ['cpu'] : [name, 'cpu'], logSeverityLevel: 4 }
ort.InferenceSession.create(Buffer.from(graph, 'base64'), options).then(() => process.exit(0), () => process.exit(1))
`
const longestMs = 30_000

/** The version of the runtime behind every engine. */
export async function runtimeVersion(): Promise<string> {
  const { env } = await loadRuntime()
  return env.versions.node ?? env.versions.common
}

/** As `availableEngines`, without a word on stderr. An engine that does not answer in 30 s is not there. */
export async function probeEngines(): Promise<EngineName[]> {
  const { listSupportedBackends } = await loadRuntime()
  const bundled = new Set(listSupportedBackends().flatMap((backend) => (backend.bundled ? [backend.name] : [])))
  const tape = createTape()
  const { bytes } = writeOnnx(tape.graph([tape.op('Relu', [tape.input('x', { shape: [1], dtype: 'float32' })], {})]))
  const candidates = engineNames.filter((name) => bundled.has(name))
  const answers = await Promise.all(candidates.map((name) => answersAlone(name, Buffer.from(bytes).toString('base64'))))
  return candidates.filter((_, i) => answers[i])
}

function answersAlone(name: EngineName, graph: string): Promise<boolean> {
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-node')
  const child = spawn(process.execPath, ['-e', script, runtime, name, graph], {
    stdio: 'ignore',
    timeout: longestMs,
    killSignal: 'SIGKILL',
  })
  return new Promise((resolve) => {
    child.once('error', () => resolve(false))
    child.once('close', (code) => resolve(code === 0))
  })
}
