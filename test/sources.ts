/** @file The project's own source files, for the tests that read them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** One TypeScript file; `path` is relative to the repository, with slashes. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** Every TypeScript file below a folder, sorted by path; none where there is no such folder. */
export function sourcesIn(folder: string): Source[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** What only the tests read. */
export const isTest = ({ path }: Source): boolean => /\.(test|cases)\.ts$/.test(path)

/** What a tool wrote. */
export const isGenerated = ({ path }: Source): boolean => path.includes('/generated/')
