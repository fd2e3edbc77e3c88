/** @file One command from its arguments to its exit code. */
import { RootstockError } from '../errors.ts'
import { version } from '../transfer/version.ts'
import { kebab, type Outcome, type Program, type Settings } from './command.ts'
import { commands } from './commands.ts'
import { exitCodeOf, SIGNAL_CODES } from './exit-codes.ts'
import { shellWord } from './go-on.ts'
import { watchSignals, type Interrupt } from './interrupt.ts'
import { withMissingBuild } from './missing-build.ts'
import { errorJson, errorLine } from './one-line.ts'
import { commonSwitches, readArguments, type Request } from './program.ts'
import { completeSettings, settingsOf, type Sources } from './settings.ts'
import { openTerminal, type Output, type Terminal } from './terminal.ts'
import { tellWarnings } from './warnings.ts'

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
    const request = readArguments(argv, commands, { version, columns: stdout.columns ?? 80 })
    if (request.kind === 'text') {
      stdout.write(switches.json ? `${JSON.stringify(request.json)}\n` : request.text)
      return 0
    }
    const { json, error, code } = await execute(argv, request, { environment: env, terminal })
    if (switches.json) stdout.write(`${JSON.stringify(error ? { ...json, error: errorJson(error) } : json)}\n`)
    if (error) tell(error)
    return code
  } catch (thrown) {
    const error = withMissingBuild(thrown)
    if (switches.json) stdout.write(`${JSON.stringify({ error: errorJson(error) })}\n`)
    tell(error)
    return exitCodeOf(error)
  }
}

type Execution = Outcome & { readonly code: number }
type RunRequest = Extract<Request, { kind: 'run' }>
interface Shell {
  readonly environment: Surroundings['env']
  readonly terminal: Terminal
}

/** Runs the command while signals are watched: what a signal ended has the signal's exit code. */
async function execute(argv: readonly string[], request: RunRequest, { environment, terminal }: Shell): Promise<Execution> {
  const { command } = request
  const sources: Sources = { commands, environment, folder: '.' }
  const { operands, values: flags, ...rest } = await completeSettings(request, sources)
  tellFile(rest, request, terminal)
  const program = await programOf(request, sources)
  const interrupt = watchSignals(() => {
    if (command.endsCleanly) terminal.note('Stopping after this batch; press Ctrl-C again to stop at once')
  })
  const endWarnings = tellWarnings(terminal)
  try {
    const running = command.run({ operands, flags, terminal, signal: interrupt.signal, program })
    const outcome = await (command.endsCleanly ? running : Promise.race([running, interrupt.stopped]))
    return { ...outcome, code: codeOf(outcome, interrupt) }
  } catch (error) {
    const caught = interrupt.caught()
    if (!caught || !(error instanceof RootstockError) || error.code !== 'CANCELED') throw error
    return { json: {}, error: sayAgain(error, command, argv), code: SIGNAL_CODES[caught] }
  } finally {
    interrupt.close()
    endWarnings()
  }
}

/** What was stopped, with the command to give again. */
function sayAgain({ message, hint, cause }: RootstockError, { keeps }: RunRequest['command'], argv: readonly string[]): RootstockError {
  const again = ['rootstock', ...argv].map(shellWord).join(' ')
  const found = keeps ? `What was computed is kept. Go on with: ${again}` : `Begin again with: ${again}`
  return new RootstockError('CANCELED', message, { hint: hint ?? found, cause })
}

/** Settings that nobody typed should surprise nobody. */
function tellFile({ file, origins }: Pick<Settings, 'file' | 'origins'>, { config }: RunRequest, { note }: Terminal): void {
  const keys = Object.entries(origins).flatMap(([key, { from }]) => (from === 'file' ? [kebab(key)] : []))
  if (file !== undefined && config === undefined && keys.length > 0) note(`Settings from ${file}: ${keys.join(', ')}`)
}

async function programOf({ about }: RunRequest, sources: Sources): Promise<Program> {
  const { environment } = sources
  if (!about) return { commands, environment }
  return { commands, environment, asked: { command: about.command, settings: await settingsOf(about, sources) } }
}

function codeOf({ error }: Outcome, interrupt: Interrupt): number {
  const caught = interrupt.caught()
  if (caught) return SIGNAL_CODES[caught]
  return error ? exitCodeOf(error) : 0
}
