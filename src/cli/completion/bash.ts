/** @file Completion for bash, from version 3.2 on. */
import type { Offer, OfferedCommand } from './offers.ts'

/** The script for `source <(rootstock completion bash)`. */
export function bashScript(commands: readonly OfferedCommand[]): string {
  const values = commands.flatMap(({ name, flags }) =>
    flags.flatMap(({ name: flag, value, offer }) => (value === undefined ? [] : [`    ${name}:${flag}) ${offered(offer)}; isValue=1 ;;`])),
  )
  const flags = commands.map(({ name, flags: list }) => `      ${name}) words='${list.map(({ name: flag }) => flag).join(' ')}' ;;`)
  const words = commands.map(({ name, words: offer }) => `      ${name}) ${offer ? offered(offer) : ':'} ;;`)
  return `# Completion of rootstock for bash. In ~/.bashrc: source <(rootstock completion bash)
_rootstock() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" cmd='' words='' files='' runs='' isValue='' i word
  # bash cuts --flag=value at the sign.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ $word == --config ]]; then ((i++)); elif [[ $word != -* ]]; then cmd="$word"; break; fi
  done
  case "$cmd:$prev" in
    :--config) files=f; isValue=1 ;;
${values.join('\n')}
  esac
  if [[ -z $isValue && $cur == -* ]]; then
    case "$cmd" in
      '') words='--config --json --quiet --no-color --help --version' ;;
${flags.join('\n')}
    esac
  elif [[ -z $isValue ]]; then
    case "$cmd" in
      '') words='${commands.map(({ name }) => name).join(' ')}' ;;
${words.join('\n')}
    esac
  fi
  COMPREPLY=()
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <({
    [[ -n $words ]] && compgen -W "$words" -- "$cur"
    [[ -n $runs ]] && for word in runs/*/; do [[ -d $word && $word == "$cur"* ]] && printf '%s\\n' "\${word%/}"; done
    [[ -n $files ]] && compgen -"$files" -- "$cur"
  } | sort -u)
}
complete -o filenames -F _rootstock rootstock
`
}

function offered({ words, files, runs }: Offer): string {
  const parts = [`words='${words.join(' ')}'`]
  if (files) parts.push(`files=${files === 'files' ? 'f' : 'd'}`)
  if (runs) parts.push('runs=1')
  return parts.join('; ')
}
