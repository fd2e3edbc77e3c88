/** @file The sides of a comparison as processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { RootstockError } from '../../src/errors.ts'

/** A process that does its job whenever it is told to. */
export interface Side {
  /** How it does it, where it chose among several ways. */
  readonly how: string
  /** Does the job once; the seconds it took. */
  run(): Promise<number>
  stop(): Promise<void>
}

interface Answer {
  readonly ready?: string
  readonly seconds?: number
}

/** Threads of a side may wait actively for more work for a while; the other side must not pay for that. */
const pauseMs = 300

/** Starts a side and waits until it has warmed up. */
export async function startSide([command, ...args]: readonly [string, ...string[]]): Promise<Side> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const lines: AsyncIterator<string, undefined> = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<Answer> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true) throw new RootstockError('ENGINE', `Cannot measure: ${command} ${args.join(' ')} ended without an answer`)
      if (value.startsWith('{')) return JSON.parse(value) as Answer
    }
  }
  const { ready: how = '' } = await answer()
  return {
    how,
    async run() {
      await setTimeout(pauseMs)
      child.stdin.write('go\n')
      return (await answer()).seconds ?? NaN
    },
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
