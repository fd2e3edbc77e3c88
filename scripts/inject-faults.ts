/**
 * @file Makes every system call of a checkpoint fail in turn, with strace, and looks at what is left: run it as root on Linux with
 * `npx tsx scripts/inject-faults.ts [docs/faults.md]`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { builtMain } from '../test/cli/built.cases.ts'
import { trainIn } from './inject-faults-child.ts'

/** The child as plain JavaScript, over the built library: it is started for every fault, and starts three times faster so. */
const child = join(dirname(builtMain()), '..', 'inject-faults-child.mjs')
const source = readFileSync(join(import.meta.dirname, 'inject-faults-child.ts'), 'utf8')
const plain = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } })
writeFileSync(child, plain.outputText.replaceAll(/'\.\.\/src\/(.*?)\.ts'/g, "'./$1.js'"))
const calls = ['openat', 'pwrite64', 'fsync', 'rename'] as const
const faults = ['error=EIO', 'error=ENOSPC', 'signal=KILL'] as const

interface Row {
  readonly call: string
  readonly fault: string
  /** Calls that were hit, one run for each. */
  hit: number
  old: number
  fresh: number
  /** Runs that ended with a message. */
  told: number
  killed: number
  /** Calls of libraries, on files outside of the run's folder. */
  others: number
}

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-faults-'))
const base = join(scratch, 'base')
const state = (folder: string): string => join(folder, 'last.ckpt', 'state.safetensors')
const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

async function weightsAtEnd(folder: string): Promise<string> {
  const net = await trainIn(folder)
  const hash = createHash('sha256')
  for (const weight of net.weights) hash.update(new Uint8Array(weight.value().data.buffer))
  await net.dispose()
  return hash.digest('hex')
}

interface Step {
  readonly injected: boolean
  /** Whether the call that was hit belongs to the run's folder: libraries write files of their own. */
  readonly isOurs: boolean
  readonly code: number | null
  readonly output: string
}

/** One step under strace: whether the fault was injected, and how the process ended. */
function oneStep(folder: string, inject: string): Promise<Step> {
  const process_ = spawn(process.execPath, [child, '--one-step', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const log = join(folder, 'strace.log')
  const call = inject.slice(0, inject.indexOf(':'))
  let output = ''
  return new Promise((resolve) => {
    process_.stdout.on('data', (text: Buffer) => {
      output += text.toString()
      if (text.toString() !== 'ready\n') return
      const tracer = spawn('strace', ['-f', '-y', '-o', log, '-p', String(process_.pid), '-e', `trace=${call}`, '-e', `inject=${inject}`])
      tracer.stderr.on('data', (said: Buffer) => {
        if (said.toString().includes('attached')) process_.stdin.write('go\n')
      })
    })
    process_.once('close', (code) => {
      const traced = existsSync(log) ? readFileSync(log, 'utf8') : ''
      const lines = traced.split('\n').filter((line) => line.includes(`${call}(`))
      const hit = code === null ? lines.at(-1) : lines.find((line) => line.includes('(INJECTED)'))
      resolve({ injected: hit !== undefined, isOurs: hit?.includes(folder) ?? false, code, output: output.replace('ready\n', '') })
    })
  })
}

function check(holds: boolean, what: string): void {
  if (holds) return
  process.stderr.write(`FAILED: ${what}\n`)
  process.exit(1)
}

async function inject(call: string, fault: string, known: { old: string; fresh: string; end: string }): Promise<Row> {
  const row: Row = { call, fault, hit: 0, old: 0, fresh: 0, told: 0, killed: 0, others: 0 }
  let elsewhere = 0
  for (let n = 1; elsewhere < 20; n++) {
    const folder = join(scratch, `${call}-${fault}-${n}`)
    cpSync(base, folder, { recursive: true })
    const { injected, isOurs, code, output } = await oneStep(folder, `${call}:${fault}:when=${n}`)
    const found = hashOf(state(folder))
    const where = `${call} ${fault} ${n}: exit ${code}, ${output.trim()}`
    check(found === known.old || found === known.fresh, `${where}: the checkpoint is neither the old nor the new one`)
    if (!injected) {
      check(code === 0 && found === known.fresh, `${where}: no fault, yet no new checkpoint`)
      return row
    }
    if (isOurs) {
      row.hit++
      row[found === known.old ? 'old' : 'fresh']++
      if (code === null) row.killed++
      else if (code !== 0) row.told++
    } else row.others++
    elsewhere = isOurs ? 0 : elsewhere + 1
    check(code === null || code === 0 || /^RootstockError: /.test(output), `${where}: expected an error with a cause`)
    check((await weightsAtEnd(folder)) === known.end, `${where}: the resumed run ends with other weights`)
    check(!readdirSync(join(folder, 'last.ckpt')).some((name) => name.endsWith('.tmp')), `${where}: a temporary file was left`)
    rmSync(folder, { recursive: true })
  }
  return row
}

/** A file system with room for one checkpoint, not for two. */
async function fullDisk(known: { old: string; fresh: string; end: string }): Promise<string> {
  const folder = join(scratch, 'tmpfs')
  mkdirSync(folder)
  const size = readFileSync(state(base)).length
  const kilobytes = Math.ceil((size * 1.5) / 1024)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder]).status !== 0)
    return 'not run: mount is not permitted here'
  try {
    cpSync(base, folder, { recursive: true })
    const failure = await trainIn(folder, 1).catch((error: unknown) => error as Error & { hint?: string })
    check(hashOf(state(folder)) === known.old, 'full disk: the old checkpoint is not whole')
    check(failure instanceof Error, 'full disk: no error')
    const left = readdirSync(join(folder, 'last.ckpt')).filter((name) => name.endsWith('.tmp'))
    check(left.length === 0, 'full disk: a temporary file was left')
    const moved = join(scratch, 'moved')
    cpSync(folder, moved, { recursive: true })
    check((await weightsAtEnd(moved)) === known.end, 'full disk: the resumed run ends with other weights')
    const { message, hint } = failure as Error & { hint?: string }
    return `a tmpfs of ${kilobytes} KiB: ${message.replaceAll(folder, '…')}. ${hint ?? ''}`
  } finally {
    spawnSync('umount', [folder])
  }
}

const whole = join(scratch, 'whole')
const end = await weightsAtEnd(whole)
await trainIn(base, 4)
const next = join(scratch, 'next')
cpSync(base, next, { recursive: true })
await trainIn(next, 1)
const known = { old: hashOf(state(base)), fresh: hashOf(state(next)), end }
const rows: Row[] = []
for (const call of calls) {
  for (const fault of faults) {
    const row = await inject(call, fault, known)
    rows.push(row)
    process.stderr.write(`${JSON.stringify(row)}\n`)
  }
}
const disk = await fullDisk(known)
rmSync(scratch, { recursive: true, force: true })

const page = `# Faults

What is left of a run when a system call of saving its checkpoint fails, or the process is killed in it: \`npx tsx scripts/inject-faults.ts docs/faults.md\`
(strace, as root on Linux), run on ${new Date().toISOString().slice(0, 10)} with Node ${process.version}. The n-th call of its kind is hit, for n = 1, 2, … until a run
gets through, or 20 in a row were calls on other files (ONNX Runtime writes to a database of its own). Afterwards the checkpoint is compared byte by byte with the old and the new one, and the run is resumed to its end: in every
row its weights were those of an unbroken run, bit for bit, and no temporary file was left.

| system call | fault | runs hit | old checkpoint whole | new checkpoint whole | ended with an error | killed | calls on other files, hit too |
|---|---|---|---|---|---|---|---|
${rows.map(({ call, fault, hit, old, fresh, told, killed, others }) => `| ${call} | ${fault.split('=')[1]} | ${hit} | ${old} | ${fresh} | ${told} | ${killed} | ${others} |`).join('\n')}

A full disk, ${disk}
`
const [target] = process.argv.slice(2)
if (target === undefined) process.stdout.write(page)
else writeFileSync(target, page)
