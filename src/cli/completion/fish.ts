/** @file Completion for fish. */
import type { Offer, OfferedCommand } from './offers.ts'

/** The script for ~/.config/fish/completions/rootstock.fish. */
export function fishScript(commands: readonly OfferedCommand[]): string {
  const first = commands.map(({ name, summary }) => `complete -c rootstock -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`)
  const rows = commands.flatMap(({ name, flags, words }) => {
    const start = `complete -c rootstock -n '__fish_seen_subcommand_from ${name}'`
    const rest = `${start}${words?.files === 'files' ? '' : ' -f'}${words ? argumentsOf(words) : ''}`
    const own = flags.map(({ name: flag, description, value, offer }) => {
      const takes = value === undefined ? '' : offer.files === 'files' ? ' -r -F' : ' -x'
      return `${start} -l ${flag.slice(2)}${takes}${value === undefined ? '' : argumentsOf(offer)} -d ${quoted(description)}`
    })
    return [rest, ...own]
  })
  return `# Completion of rootstock for fish: rootstock completion fish > ~/.config/fish/completions/rootstock.fish
${[...first, ...rows].join('\n')}
`
}

function argumentsOf({ words, files, runs }: Offer): string {
  const parts = [
    ...words,
    ...(runs ? ['(string trim -r -c / -- runs/*/)'] : []),
    ...(files === 'folders' ? ['(__fish_complete_directories)'] : []),
  ]
  return parts.length === 0 ? '' : ` -a ${quoted(parts.join(' '))}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
