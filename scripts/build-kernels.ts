/**
 * @file Compiles kernels/*.ts from AssemblyScript to WebAssembly: `npx tsx scripts/build-kernels.ts`, which fetches the compiler. The results are small
 * and lie in the repository, so that nobody else needs it; `src/image/kernel.test.ts` holds them against their source.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const COMPILER = 'assemblyscript@0.28.20'
const FLAGS = ['-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert']
const kernels: Readonly<Record<string, string>> = { 'kernels/image.ts': 'src/image/generated/kernel.ts' }

const folder = mkdtempSync(join(tmpdir(), 'kernels-'))
for (const [source, target] of Object.entries(kernels)) {
  const compiled = join(folder, 'kernel.wasm')
  const { status } = spawnSync('npx', ['--yes', '--package', COMPILER, 'asc', source, ...FLAGS, '-o', compiled], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex')
  const lines = [
    `/** @file ${source} as WebAssembly, by ${COMPILER}; \`npx tsx scripts/build-kernels.ts\` writes it. */`,
    '',
    '/** SHA-256 of the source. */',
    `export const sourceHash = '${hash}'`,
    '',
    '/** In base64. */',
    `export const kernel = '${readFileSync(compiled).toString('base64')}'`,
    '',
  ]
  writeFileSync(target, lines.join('\n'))
}
rmSync(folder, { recursive: true })
