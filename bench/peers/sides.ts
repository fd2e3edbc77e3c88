/** @file The sides of a comparison as processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { RootstockError } from '../../src/errors.ts'

export type Command = readonly [string, ...string[]]

/** What one turn of one side took. */
export interface Figures {
  readonly seconds: number
  /** Seconds of the processors. */
  readonly busy: number
  /** At the peak; of whole processes. */
  readonly megabytes: number
  /** Told by jobs that have epochs: seconds for the photos once and in each epoch, and for callbacks after each epoch. */
  readonly once?: number
  readonly epoch?: number
  readonly between?: number
}

/** A process that does its job whenever it is told to. */
export interface Side {
  /** How it does it, where it chose among several ways. */
  readonly how: string
  run(): Promise<Figures>
  stop(): Promise<void>
}

interface Answer {
  readonly ready?: string
  readonly seconds?: number
  readonly busy?: number
}

/** Threads of a side may wait actively for more work for a while; the other side must not pay for that. */
const pauseMs = 300

/** Starts a side and waits until it has warmed up. */
export async function startSide([command, ...args]: Command): Promise<Side> {
  const child = spawn(command, args)
  const complaints = heard(child.stderr)
  const ended = once(child, 'exit')
  const lines: AsyncIterator<string, undefined> = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<Answer> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true) throw failed([command, ...args], complaints())
      if (value.startsWith('{')) return JSON.parse(value) as Answer
    }
  }
  const { ready: how = '' } = await answer()
  return {
    how,
    async run() {
      await setTimeout(pauseMs)
      child.stdin.write('go\n')
      const { seconds = NaN, busy = NaN } = await answer()
      return { seconds, busy, megabytes: NaN }
    },
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}

/** Runs a process to its end and measures it from outside. */
export async function runProcess(
  { root, python }: { readonly root: string; readonly python: string },
  command: Command,
  environment: NodeJS.ProcessEnv = {},
): Promise<Figures> {
  await setTimeout(pauseMs)
  const child = spawn(python, [join(root, 'bench/peers/measured.py'), ...command], {
    cwd: root,
    env: { ...process.env, ...environment },
  })
  const complaints = heard(child.stderr)
  const output = child.stdout.toArray() as Promise<Buffer[]>
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw failed(command, complaints())
  const { said, ...figures } = JSON.parse(Buffer.concat(await output).toString()) as Figures & { said: Partial<Figures> }
  return { ...figures, ...said }
}

/** What a side says on stderr is of interest only when it fails: TensorFlow greets with many lines. */
function heard(stream: Readable): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-4000)))
  return () => text
}

function failed(command: Command, complaints: string): RootstockError {
  return new RootstockError('ENGINE', `Cannot measure: ${command.join(' ')} ended without an answer`, { hint: complaints.trim() })
}
