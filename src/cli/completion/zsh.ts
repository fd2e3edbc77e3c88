/** @file Completion for zsh. */
import type { Offer, OfferedCommand, OfferedFlag } from './offers.ts'

/** The script for a file `_rootstock` in a folder of $fpath, or for `source <(rootstock completion zsh)`. */
export function zshScript(commands: readonly OfferedCommand[]): string {
  const summaries = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`)
  const cases = commands.map(({ name, flags, words }) => {
    const rest = words ? [quoted(`*:word:${actionOf(words)}`)] : []
    return `        ${name}) _arguments ${[...flags.map(flagRow), ...rest].map((row) => `\\\n          ${row}`).join(' ')} ;;`
  })
  return `#compdef rootstock
# Completion of rootstock for zsh. In ~/.zshrc, behind compinit: source <(rootstock completion zsh)
_rootstock_runs() {
  local -a runs
  runs=(runs/*(N/))
  compadd -a runs
}
_rootstock() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${summaries.join('\n')}
  )
  _arguments -C '1:command:->command' '*::word:->words'
  case $state in
    command) _describe -t commands command commands ;;
    words)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = "_rootstock" ]; then _rootstock "$@"; else compdef _rootstock rootstock; fi
`
}

function flagRow({ name, description, value, offer }: OfferedFlag): string {
  const text = `[${description.replaceAll(/[[\]\\]/g, '\\$&')}]`
  return quoted(value === undefined ? name + text : `${name}=${text}:${value}:${actionOf(offer)}`)
}

/** One action of _arguments; several need _alternative. A blank in front keeps options of _arguments from it. */
function actionOf({ words, files, runs }: Offer): string {
  const actions = [
    ...(words.length > 0 ? [['names', `(${words.join(' ')})`]] : []),
    ...(runs ? [['runs', ' _rootstock_runs']] : []),
    ...(files ? [['files', files === 'files' ? '_files' : '_files -/']] : []),
  ]
  if (actions.length <= 1) return actions[0]?.[1] ?? ' '
  return ` _alternative ${actions.map(([tag, action]) => `"${tag}:${tag}:${action}"`).join(' ')}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
