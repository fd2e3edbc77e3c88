/** @file The variables of the environment that Rootstock reads; docs/configuration.md has the same table. */
import { nearestNames } from '../errors.ts'
import type { MachineCheck } from '../transfer/index.ts'
import { settableCommands, type Command } from './command.ts'
import { variableName } from './settings.ts'

/** Name and meaning, beside those of the flags (ROOTSTOCK_COMMAND_FLAG). */
export const VARIABLES: readonly (readonly [name: string, meaning: string])[] = [
  ['ROOTSTOCK_HOME', 'The folder in whose `models` downloaded weights are kept; default `KERAS_HOME`, else `~/.keras`'],
  [
    'ROOTSTOCK_CACHE',
    'The folder for computed features, networks made ready, and frozen weights that wait while a head is trained; default `$XDG_CACHE_HOME/rootstock`, else `~/.cache/rootstock`',
  ],
  ['ROOTSTOCK_WEIGHTS', 'A folder of released weight files that is searched first'],
  ['ROOTSTOCK_OFFLINE', '1 forbids the network; 0, false, no or nothing allows it'],
  ['ROOTSTOCK_MIRROR', 'An http or https address that weights are fetched from before Keras’s own'],
  ['ROOTSTOCK_ENGINE', 'cpu (default), webgpu or cuda'],
  ['ROOTSTOCK_THREADS', 'Threads that the engine computes with, in all; default as many as the process has cores'],
  ['ROOTSTOCK_CONFIG', 'The config file, as --config'],
  ['ROOTSTOCK_DEBUG', '1 adds the stack trace to messages of errors'],
]

/** Variables that begin as ours do and mean nothing: probably typing errors. */
export function checkEnvironment(environment: Readonly<Record<string, string | undefined>>, commands: readonly Command[]): MachineCheck {
  const own = VARIABLES.map(([name]) => name)
  const ofFlags = settableCommands(commands).flatMap(({ name, flags }) => Object.keys(flags).map((key) => variableName(name, key)))
  const given = Object.keys(environment).filter((name) => name.startsWith('ROOTSTOCK_') && environment[name])
  const strange = given.filter((name) => !own.includes(name) && !ofFlags.includes(name))
  const [first] = strange
  if (first === undefined)
    return { name: 'environment', status: 'ok', found: given.length > 0 ? given.join(', ') : 'no ROOTSTOCK_ variable' }
  const near = nearestNames(first, [...own, ...ofFlags])
  const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Known: ${own.join(', ')}`
  return { name: 'environment', status: 'warn', found: `${strange.join(', ')} is read by nobody`, hint }
}
