/** @file The command line as `npm run build` makes it, once for all test files. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Path of the built main.js; it is built where the sources have changed since. */
export function builtMain(): string {
  const cache = join(root, '.cache')
  const folder = join(cache, `cli-test-${sourceState()}`)
  if (!existsSync(folder)) build(cache, folder)
  linkEmbedded(cache)
  return join(folder, 'cli/main.js')
}

/** Test files that build at the same time get the same files; the last one to finish finds the folder there. */
function build(cache: string, folder: string): void {
  mkdirSync(cache, { recursive: true })
  for (const name of readdirSync(cache)) {
    const isOld = name.startsWith('cli-test-') && Date.now() - statSync(join(cache, name)).mtimeMs > 600_000
    if (isOld) rmSync(join(cache, name), { recursive: true, force: true })
  }
  const temporary = `${folder}-${process.pid}`
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
  // Types are checked elsewhere.
  execFileSync(process.execPath, [tsx, 'scripts/build.ts', '--unchecked', '--out', temporary], { cwd: root, stdio: 'pipe' })
  try {
    renameSync(temporary, folder)
  } catch {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** The program finds the shipped network beside the folder that it was built into. */
function linkEmbedded(cache: string): void {
  try {
    symlinkSync(join(root, 'embedded'), join(cache, 'embedded'), 'junction')
  } catch {
    // Another test file has made it.
  }
}

function sourceState(): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { size, mtimeMs } = statSync(path)
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}
