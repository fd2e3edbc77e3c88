/** @file Holds what each entry of the package exports; a name that is not listed here is private. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { root } from './sources.ts'

const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

/** Entry of the package → the source file behind it. */
const sources = Object.entries(entries).flatMap(([entry, target]): [string, string][] =>
  typeof target === 'string' ? [] : [[entry, target.default.replace('./dist/', 'src/').replace(/js$/, 'ts')]],
)

/** Names of a module's exports, types in angle brackets, namespaces one level down. */
function exportsOf(checker: ts.TypeChecker, module: ts.Symbol, depth = 0): string[] {
  return checker
    .getExportsOfModule(module)
    .map((symbol) => ({ symbol, target: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol }))
    .sort((a, b) => (a.symbol.name < b.symbol.name ? -1 : 1))
    .flatMap(({ symbol: { name }, target }) => {
      const indent = '  '.repeat(depth + 1)
      if (target.flags & ts.SymbolFlags.ValueModule) return [`${indent}${name}.`, ...exportsOf(checker, target, depth + 1)]
      return [target.flags & ts.SymbolFlags.Value ? `${indent}${name}` : `${indent}<${name}>`]
    })
}

it('the package exports what test/public-api.txt lists', async () => {
  const files = sources.map(([, path]) => join(root, path))
  const options = { module: ts.ModuleKind.NodeNext, noEmit: true, allowImportingTsExtensions: true, types: ['node'], skipLibCheck: true }
  const program = ts.createProgram(files, options)
  const checker = program.getTypeChecker()
  const lines = sources.flatMap(([entry, path]) => {
    const file = program.getSourceFile(join(root, path))
    const module = file && checker.getSymbolAtLocation(file)
    return [`rootstock${entry.slice(1)}`, ...(module ? exportsOf(checker, module) : ['  (no such module)']), '']
  })
  await expect(lines.join('\n')).toMatchFileSnapshot('public-api.txt')
})
