/** @file Ctrl-C in commands other than train (main-job.test.ts): soon over, says how to go on, leaves nothing half-written. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { drawClasses, ended, rootstock, scratchFolder, SMALL, start } from './rootstock.cases.ts'

const folder = scratchFolder()
const at = (...names: string[]): string => join(folder, ...names)
beforeAll(async () => {
  await drawClasses(at('photos'), 60)
  await rootstock(['train', at('photos'), ...SMALL, '--epochs', '1', '--no-plots', '--out', at('run')])
})

interface Row {
  readonly argv: () => readonly string[]
  /** The signal is sent once this is on stderr or stdout. */
  readonly after: RegExp
  readonly says: RegExp
}

const rows: readonly Row[] = [
  { argv: () => ['advise', at('photos')], after: /1\/1 mobilenet/, says: /What was computed is kept\. Go on with: rootstock advise / },
  { argv: () => ['predict', at('run'), at('photos')], after: /\.jpg/, says: /Begin again with: rootstock predict / },
]

describe.skipIf(process.platform === 'win32')('SIGINT', () => {
  it.each(rows)('$says', async ({ argv, after, says }) => {
    const child = start(argv(), { ROOTSTOCK_CACHE: at('cache') })
    const result = ended(child)
    await begun(child, after)
    child.kill('SIGINT')
    const { code, stderr } = await result
    expect(code, stderr).toBe(130)
    expect(stderr).toMatch(says)
    expect(stderr).not.toMatch(/\n\s+at /)
    const left = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    expect(left.filter((name) => name.includes('tmp'))).toEqual([])
  })
})

/** Waits for the words. */
function begun(child: ReturnType<typeof start>, after: RegExp): Promise<void> {
  let seen = ''
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (part: Buffer) => {
        seen += part.toString()
        if (after.test(seen)) resolve()
      })
    child.on('close', () => reject(new Error(`ended before ${String(after)}: ${seen}`)))
  })
}
