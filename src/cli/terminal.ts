/** @file What a command prints: results on stdout, notes on stderr, or nothing but one JSON object. */
import picocolors from 'picocolors'
import { oneLine } from './one-line.ts'

/** A stream as far as the command line looks at it. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Switches that every command has. */
export interface TerminalOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
}

/** Where a command's words go. */
export interface Terminal {
  /** A line of the result: stdout, unless --json asks for one object only. The text may hold colours; foreign names go through `oneLine`. */
  readonly print: (line: string) => void
  /** Something worth knowing that is no result: stderr, unless --quiet. */
  readonly note: (line: string) => void
  /** Colours of stdout. */
  readonly colors: ReturnType<typeof picocolors.createColors>
  readonly progress: ProgressOutput
}

/** Where progress is shown. */
export interface ProgressOutput {
  readonly isQuiet: boolean
  /** Lines can be redrawn; otherwise only whole lines are written. */
  readonly isLive: boolean
  /** Characters in a line. */
  readonly columns: () => number
  readonly colors: ReturnType<typeof picocolors.createColors>
  readonly write: (text: string) => void
}

type Environment = Readonly<Record<string, string | undefined>>

/** The terminal of this process, or of a test. */
export function openTerminal(options: TerminalOptions, streams: { stdout: Output; stderr: Output }, env: Environment): Terminal {
  const { stdout, stderr } = streams
  const colorsOf = (stream: Output): Terminal['colors'] => picocolors.createColors(options.color && hasColors(stream, env))
  return {
    print: (line) => void (options.json || stdout.write(`${line}\n`)),
    note: (line) => void (options.quiet || stderr.write(`${oneLine(line)}\n`)),
    colors: colorsOf(stdout),
    progress: {
      isQuiet: options.quiet,
      isLive: !options.quiet && stderr.isTTY === true && env['TERM'] !== 'dumb',
      columns: () => Math.max(1, stderr.columns ?? 80),
      colors: colorsOf(stderr),
      write: (text) => void stderr.write(text),
    },
  }
}

/** NO_COLOR before FORCE_COLOR before what the stream is. */
function hasColors(stream: Output, env: Environment): boolean {
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}
