/** @file config.yaml: the settings of a run under the names of the command line's flags, and the command that repeats it. */
import { stringify } from 'yaml'
import { shellPath, shellWord } from '../../files/index.ts'
import { visible } from '../../report/index.ts'
import { version } from '../version.ts'

/** A setting as config.yaml and a command can hold it. */
type Setting = string | number | boolean | null | readonly (string | number)[]

/** `settings` are options of `trainClassifier`; undefined ones and functions are left out, augmentations are described in words. */
export function configYaml(folder: string, settings: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(settings).flatMap(([key, value]) => {
    const setting = settingOf(inFlagWords(key, value))
    return setting === undefined ? [] : [[kebab(key), setting] as const]
  })
  const comment = [
    `Rootstock ${version}. The names are those of the flags; a name with "no" before it switches off what is false here.`,
    `Again: ${commandLine(folder, settings)}`,
  ]
  const values = Object.fromEntries(rows.map(([key, value]) => [key, value === null ? 'none' : value]))
  return comment.map((line) => `# ${visible(line)}\n`).join('') + stringify({ command: 'train', folder, ...values }, { lineWidth: 0 })
}

/** `rootstock train FOLDER …` for a POSIX shell. */
export function commandLine(folder: string, settings: Readonly<Record<string, unknown>>): string {
  const flags = Object.entries(settings).flatMap(([key, value]) => {
    // The next run needs a folder of its own, and an object is no flag.
    const setting =
      key === 'out' || key === 'resume' || (typeof value === 'object' && !Array.isArray(value) && value !== null)
        ? undefined
        : settingOf(inFlagWords(key, value))
    return setting === undefined ? [] : [flagOf(kebab(key), setting)]
  })
  return ['rootstock train', shellPath(folder), ...flags].join(' ')
}

function flagOf(name: string, value: Setting): string {
  if (value === true) return `--${name}`
  if (value === false) return `--no-${name}`
  return `--${name} ${shellWord(Array.isArray(value) ? value.join(',') : String(value ?? 'none'))}`
}

/** The option is a switch with a third value, the flag has three words. */
function inFlagWords(key: string, value: unknown): unknown {
  if (key !== 'featureStore' || typeof value !== 'boolean') return value
  return value ? 'float32' : 'none'
}

function settingOf(value: unknown): Setting | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) {
    const parts = value.map(settingOf)
    return parts.every((part) => typeof part === 'string' || typeof part === 'number') ? parts : undefined
  }
  const described = typeof value === 'object' && 'description' in value ? value.description : undefined
  return typeof described === 'string' ? described : undefined
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
