/** @file Completion for PowerShell, which offers files by itself where a script offers nothing. */
import type { OfferedCommand } from './offers.ts'

/** The script for $PROFILE. */
export function pwshScript(commands: readonly OfferedCommand[]): string {
  const flags = commands.map(({ name, flags: list }) => `    '${name}' = @(${listed(list.map((flag) => flag.name))})`)
  const words = commands.map(({ name, words: offer }) => `    '${name}' = @(${listed(offer?.words ?? [])})`)
  const values = commands.flatMap(({ name, flags: list }) =>
    list.flatMap((flag) => (flag.value === undefined ? [] : [`    '${name} ${flag.name}' = @(${listed(flag.offer.words)})`])),
  )
  const runs = commands.filter(({ words: offer }) => offer?.runs).map(({ name }) => name)
  return `# Completion of rootstock for PowerShell. In $PROFILE: rootstock completion pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName rootstock -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $flags = @{
${flags.join('\n')}
  }
  $words = @{
${words.join('\n')}
  }
  $values = @{
${values.join('\n')}
  }
  $given = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -ne '' -and $given.Count -gt 0) { $given = @($given | Select-Object -SkipLast 1) }
  $command = $given | Where-Object { -not $_.StartsWith('-') } | Select-Object -First 1
  $last = $given | Select-Object -Last 1
  if (-not $command) { $offers = @(${listed(commands.map(({ name }) => name))}) }
  elseif ($values.ContainsKey("$command $last")) { $offers = $values["$command $last"] }
  elseif ($wordToComplete.StartsWith('-')) { $offers = $flags[$command] }
  else {
    $offers = @($words[$command])
    if (@(${listed(runs)}) -contains $command) { $offers += @(Get-ChildItem runs -Directory -ErrorAction SilentlyContinue | ForEach-Object { "runs/$($_.Name)" }) }
  }
  $offers | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
}

function listed(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ')
}
