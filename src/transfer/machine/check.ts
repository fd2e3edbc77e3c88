/** @file What a check of the machine is given and what it answers. */

/** One row of the check. */
export interface MachineCheck {
  /** What was looked at, in a word or two: 'engine', 'free disk'. */
  readonly name: string
  /** 'warn' is something that may hurt later, 'fail' something that does not work. */
  readonly status: 'ok' | 'warn' | 'fail'
  /** What was found. */
  readonly found: string
  /** What to do about it. */
  readonly hint?: string
}

/** What a check looks at. */
export interface Machine {
  /** Variables that set the engine, the folders, the mirror and the proxy. Default: those of this process. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Of the runtime, such as '22.11.0'; compared with the oldest one that is supported. Default: the one that is running. */
  readonly nodeVersion: string
  /** Main memory. Default: what the operating system says. */
  readonly memory: {
    /** Bytes that the machine has. */
    readonly total: number
    /** Bytes that a program could get now. */
    readonly free: number
  }
  /** The processor's features as Linux lists them; undefined where nobody says. */
  readonly processorFlags: ReadonlySet<string> | undefined
  /** Whether a server may be asked whether it answers. */
  readonly askNetwork: boolean
  /** Ends the wait for weight files to be read and for the server to answer. */
  readonly signal: AbortSignal | undefined
}

/** The answer of a check, whose name stands in the table. */
export type Answer = Omit<MachineCheck, 'name'>

/** A check; it may throw. */
export type Check = (machine: Machine) => Promise<Answer> | Answer

const GB = 2 ** 30

/** "3.2 GB", or megabytes below one. */
export function sizeInWords(bytes: number): string {
  return bytes < GB ? `${Math.round(bytes / 2 ** 20)} MB` : `${(bytes / GB).toFixed(1)} GB`
}
