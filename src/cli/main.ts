#!/usr/bin/env node
/** @file The command `rootstock`. */
import { errnoOf, fileError } from '../files/file-error.ts'
import { SIGNAL_CODES } from './exit-codes.ts'
import { errorLine } from './one-line.ts'
import { runCommandLine } from './run-command-line.ts'

// A reader that has seen enough (rootstock … | head) is no failure.
process.stdout.on('error', (error) => {
  if (errnoOf(error) !== 'EPIPE') throw fileError(error, 'the output', { action: 'write' })
  process.exit(0)
})

// Notes and progress are no result: where nobody can hear them, the work goes on, and the exit code says how it ended.
process.stderr.on('error', () => undefined)

// Whatever slips through ends in one line too.
process.on('uncaughtException', (error) => {
  process.stderr.write(`rootstock: ${errorLine(error)}\n`)
  process.exit(1)
})

const { stdout, stderr, env } = process
process.exitCode = await runCommandLine(process.argv.slice(2), { stdout, stderr, env })
// What a signal left running must not keep the process alive.
if (Object.values<number>(SIGNAL_CODES).includes(process.exitCode)) process.exit()
