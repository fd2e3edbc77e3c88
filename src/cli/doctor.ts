/** @file `rootstock doctor`: whether this machine can work, and whether it gives the answers of a classifier. */
import { RootstockError, messageOf } from '../errors.ts'
import type { ClassifierCheck, MachineCheck } from '../transfer/index.ts'
import { command, type Outcome, type Program } from './command.ts'
import { checkEnvironment } from './environment.ts'
import { oneLine } from './one-line.ts'
import { alignColumns } from './table.ts'
import type { Terminal } from './terminal.ts'

type Status = MachineCheck['status']

/** What each status is called. */
const WORDS: Readonly<Record<Status, string>> = { ok: 'ok', warn: 'warning', fail: 'problem' }
/** The longest name of a check, and a gap. */
const NAME_WIDTH = 16

export const doctor = command({
  name: 'doctor',
  summary: 'Check this machine, or whether it gives the same answers as the machine that wrote a classifier.',
  operands: [
    {
      name: 'MODEL',
      description: 'A classifier.onnx, or the folder of a run; without it the machine is checked',
      optional: true,
      completes: 'runs',
    },
  ],
  flags: {},
  examples: ['rootstock doctor', 'rootstock doctor runs/pets', 'rootstock doctor classifier.onnx --json'],
  run: async ({ operands: [model], terminal, signal, program }) => {
    if (model === undefined) return machine(program, terminal, signal)
    const { checkClassifier } = await import('../transfer/index.ts')
    return classifier(await checkClassifier(model), terminal)
  },
})

/** Rows are shown as they come: the network may take its time to answer. */
async function machine({ environment, commands }: Program, terminal: Terminal, signal: AbortSignal): Promise<Outcome> {
  const checks: MachineCheck[] = []
  const onCheck = (check: MachineCheck): void => {
    checks.push(check)
    const { name, status, found, hint } = check
    terminal.print(`${badge(status, terminal)}  ${name.padEnd(NAME_WIDTH)}${oneLine(hint === undefined ? found : `${found}. ${hint}`)}`)
  }
  onCheck(checkEnvironment(environment, commands))
  const library = await import('../transfer/index.ts').catch(brokenLibrary)
  if ('found' in library) onCheck(library)
  else await library.checkMachine({ environment, askNetwork: true, signal, onCheck })
  const failed = checks.filter(({ status }) => status === 'fail')
  const json = { ok: failed.length === 0, checks }
  if (!failed[0]) return { json }
  const { name, found, hint } = failed[0]
  const message = `This machine fails ${failed.length} of ${checks.length} checks; the first is ${name}: ${found}`
  return { json, error: new RootstockError('ENGINE', message, hint === undefined ? {} : { hint }) }
}

/** A package that cannot be loaded, such as one for another system, is what a doctor is for. */
function brokenLibrary(error: unknown): MachineCheck {
  const [found = ''] = messageOf(error)
    .split('\n')
    .filter((line) => line.trim() !== '')
  return { name: 'library', status: 'fail', found, hint: 'Install the package again on this machine, without --omit=optional' }
}

function classifier(check: ClassifierCheck, terminal: Terminal): Outcome {
  const { path, network, classes, precision, engine, intact, samples, difference, tolerance, same } = check
  terminal.print(terminal.colors.bold(oneLine(path)) + `: ${oneLine(network)}, ${classes} classes, ${precision}, on ${engine}`)
  const rows = samples.map((sample) => ({
    status: sample.same ? 'ok' : 'fail',
    cells: [oneLine(sample.name), `differs by ${sample.difference.toExponential(1)}`],
  }))
  const content = intact ? 'as it was written' : 'changed since it was written'
  table([{ status: intact ? 'ok' : 'fail', cells: ['content', content] }, ...rows] as readonly Row[], terminal)
  if (same) {
    terminal.print(`This machine gives the same answers: they differ by at most ${difference.toExponential(1)}, ${tolerance} is allowed`)
    return { json: check }
  }
  return { json: check, error: wrong(check) }
}

function wrong({ path, intact, difference, tolerance }: ClassifierCheck): RootstockError {
  if (!intact) {
    const answers =
      difference <= tolerance ? 'but the answers to its samples are the same' : `and its answers differ by ${difference.toPrecision(2)}`
    return new RootstockError('ENGINE', `Cannot trust ${path}: its content changed since it was written, ${answers}`, {
      hint: 'Copy or export the file again',
    })
  }
  const found = `the answers of this machine differ by ${difference.toPrecision(2)}, expected at most ${tolerance}`
  return new RootstockError('ENGINE', `Cannot trust ${path} here: ${found}`, {
    hint: 'Try ROOTSTOCK_ENGINE=cpu; another version of onnxruntime-node or sharp may be the cause',
  })
}

interface Row {
  readonly status: Status
  readonly cells: readonly string[]
}

function table(rows: readonly Row[], terminal: Terminal): void {
  const lines = alignColumns(rows.map(({ cells }) => cells))
  rows.forEach(({ status }, i) => terminal.print(badge(status, terminal) + (lines[i] ?? '')))
}

function badge(status: Status, { colors }: Terminal): string {
  const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red }
  return paint[status](WORDS[status].padEnd(7))
}
