/** @file The built package, as a user's script would load it; `peers.ts` builds it first. */
import { fileURLToPath } from 'node:url'
import type * as Rootstock from '../../src/index.ts'

const built = new URL('../../dist/index.js', import.meta.url)

/** Everything that `import … from 'rootstock'` gives. */
export const rootstock = (await import(fileURLToPath(built))) as typeof Rootstock
