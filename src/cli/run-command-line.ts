/** @file One command from its arguments to its exit code. */
import { RootstockError } from '../errors.ts'
import { version } from '../transfer/version.ts'
import type { Outcome } from './command.ts'
import { commands } from './commands.ts'
import { exitCodeOf, SIGNAL_CODES } from './exit-codes.ts'
import { watchSignals, type Interrupt } from './interrupt.ts'
import { errorJson, errorLine } from './one-line.ts'
import { commonSwitches, readArguments, type Request } from './program.ts'
import { openTerminal, type Output, type Terminal } from './terminal.ts'

/** What a command line needs from its process. */
export interface Surroundings {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Runs `argv` (without node and script) and returns the exit code; nothing is thrown. */
export async function runCommandLine(argv: readonly string[], { stdout, stderr, env }: Surroundings): Promise<number> {
  const switches = commonSwitches(argv)
  const terminal = openTerminal(switches, { stdout, stderr }, env)
  const tell = (error: unknown): void => {
    stderr.write(`rootstock: ${errorLine(error)}\n`)
    if (env['ROOTSTOCK_DEBUG'] && error instanceof Error) stderr.write(`${error.stack}\n`)
  }
  try {
    const request = readArguments(argv, commands, version)
    if (request.kind === 'text') {
      stdout.write(request.text)
      return 0
    }
    const { json, error, code } = await execute(request, terminal)
    if (switches.json) stdout.write(`${JSON.stringify(error ? { ...json, error: errorJson(error) } : json)}\n`)
    if (error) tell(error)
    return code
  } catch (error) {
    if (switches.json) stdout.write(`${JSON.stringify({ error: errorJson(error) })}\n`)
    tell(error)
    return exitCodeOf(error)
  }
}

type Execution = Outcome & { readonly code: number }

/** Runs the command while signals are watched: what a signal ended has the signal's exit code. */
async function execute(request: Extract<Request, { kind: 'run' }>, terminal: Terminal): Promise<Execution> {
  const { command, operands, flags } = request
  const interrupt = watchSignals(() => {
    if (command.endsCleanly) terminal.note('Stopping after this batch; press Ctrl-C again to stop at once')
  })
  try {
    const running = command.run({ operands, flags, terminal, signal: interrupt.signal })
    const outcome = await (command.endsCleanly ? running : Promise.race([running, interrupt.stopped]))
    return { ...outcome, code: codeOf(outcome, interrupt) }
  } catch (error) {
    const caught = interrupt.caught()
    if (!caught || !(error instanceof RootstockError) || error.code !== 'CANCELED') throw error
    return { json: {}, error, code: SIGNAL_CODES[caught] }
  } finally {
    interrupt.close()
  }
}

function codeOf({ error }: Outcome, interrupt: Interrupt): number {
  const caught = interrupt.caught()
  if (caught) return SIGNAL_CODES[caught]
  return error ? exitCodeOf(error) : 0
}
