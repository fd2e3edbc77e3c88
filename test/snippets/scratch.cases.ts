/** @file Folders in which the snippets of a page run: drawn photos, a trained run, random weights under the names of released files. */
import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { application } from '../../src/applications/index.ts'
import { prepare } from '../../src/data/index.ts'
import { ANIMALS, drawAnimal } from '../../src/image/index.ts'
import { trainClassifier } from '../../src/transfer/index.ts'
import { builtMain, root } from '../cli/built.cases.ts'

/** Of each kind; as many as the largest split on a page asks for. */
const PHOTOS = 12
const RELEASED = [
  { file: 'mobilenet_2_5_224_tf.h5', alpha: 0.25, includeTop: true },
  { file: 'mobilenet_2_5_224_tf_no_top.h5', alpha: 0.25, includeTop: false },
  { file: 'mobilenet_1_0_224_tf.h5', alpha: 1, includeTop: true },
  { file: 'mobilenet_1_0_224_tf_no_top.h5', alpha: 1, includeTop: false },
] as const

/** Runs programs in the folder of a page. */
export interface Scratch {
  readonly folder: string
  /** Runs a program to its end. */
  run(program: string, argv: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** Everything that pages share; made once, removed by `remove`. */
export async function makeScratch(): Promise<{ pageFolder(text: string): Scratch; remove(): void }> {
  const base = mkdtempSync(join(tmpdir(), 'rootstock-snippets-'))
  const model = join(base, 'model')
  await drawAll(model)
  await prepare(join(model, 'photos'), join(model, 'data'), {})
  await writeWeights(join(base, 'weights'))
  const settings = { alpha: 0.25, weights: join(base, 'weights', RELEASED[1].file), epochs: 2, plots: false } as const
  const trained = await trainClassifier(join(model, 'data'), { ...settings, out: join(model, 'runs', 'pets') })
  await trained.dispose()
  installPackage(base)
  let count = 0
  return {
    pageFolder(text) {
      const folder = join(base, `page-${count++}`)
      cpSync(model, folder, { recursive: true })
      // What a page makes by itself it does not find.
      if (/prepare\(?\s*'?photos'?,? '?data\b/.test(text)) rmSync(join(folder, 'data'), { recursive: true })
      if (/runs\/pets/.exec(text) && /(--out |out: ')runs\/pets/.test(text)) rmSync(join(folder, 'runs'), { recursive: true })
      return { folder, run: (program, argv) => run(program, argv, { folder, base }) }
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  }
}

/** photos/cat.0.jpg …, and single photos under the names that pages use. */
async function drawAll(folder: string): Promise<void> {
  mkdirSync(join(folder, 'photos'), { recursive: true })
  for (const kind of ANIMALS) {
    for (let i = 0; i < PHOTOS; i++) writeFileSync(join(folder, 'photos', `${kind}.${i}.jpg`), await drawAnimal(kind, i, 48))
    writeFileSync(join(folder, `${kind}.jpg`), await drawAnimal(kind, 100, 96))
  }
}

/** MobileNet's released files are not told by a hash, so random weights may stand in for them. */
async function writeWeights(folder: string): Promise<void> {
  mkdirSync(folder)
  for (const { file, ...options } of RELEASED) {
    const net = await application('mobilenet', { ...options, inputShape: [224, 224, 3], weights: null })
    await net.saveWeights(join(folder, file))
  }
}

/** `import 'rootstock'` and the command `rootstock`, from the built files. */
function installPackage(base: string): void {
  const built = dirname(dirname(builtMain()))
  const place = join(base, 'node_modules', 'rootstock')
  mkdirSync(place, { recursive: true })
  cpSync(join(root, 'package.json'), join(place, 'package.json'))
  symlinkSync(built, join(place, 'dist'), 'junction')
  // The browser's runtime has the interface of the one that is here.
  const web = join(base, 'node_modules', 'onnxruntime-web')
  mkdirSync(web)
  writeFileSync(join(web, 'package.json'), JSON.stringify({ name: 'onnxruntime-web', main: 'index.js' }))
  writeFileSync(join(web, 'index.js'), `module.exports = require(${JSON.stringify(join(root, 'node_modules', 'onnxruntime-node'))})`)
  const bin = join(base, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'rootstock'), `#!/bin/sh\nexec "${process.execPath}" "${join(built, 'cli', 'main.js')}" "$@"\n`)
  chmodSync(join(bin, 'rootstock'), 0o755)
}

function run(
  program: string,
  argv: readonly string[],
  { folder, base }: { folder: string; base: string },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    PATH: `${join(base, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    // A page must not find the features that another one has computed.
    ROOTSTOCK_CACHE: join(folder, '.cache'),
    ROOTSTOCK_HOME: join(base, 'home'),
    ROOTSTOCK_WEIGHTS: join(base, 'weights'),
    ROOTSTOCK_OFFLINE: '1',
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
  }
  const child = spawn(program, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()))
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: -1, stdout, stderr: String(error) }))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
