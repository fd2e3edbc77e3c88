/** @file The network inside the package: a small MobileNet of this project's own making, for machines without the released weights. */
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { RootstockError } from '../errors.ts'
import { fileError } from '../files/index.ts'
import { assignWeights } from '../formats/keras/index.ts'
import { openSafetensors } from '../formats/safetensors/index.ts'
import type { Model } from '../training/index.ts'

/** Which network lies in the package; docs/embedded-network.md says how it came about and what it can do. */
export const embeddedNetwork = {
  /** The network of the table that it is. */
  network: 'mobilenet',
  /** Its width. */
  alpha: 0.5,
  /** Height and width of the pictures that it was trained on, in pixels. */
  size: 128,
} as const

/** The file beside dist/ (and beside src/), and the SHA-256 of its bytes. */
const FILE = 'mobilenet_0.5_128.safetensors'
const SHA256 = 'd32eb4e092bc8c85e8295609d09975035dcc7ab0f8659af485be4c9e7a0dc2b4'

/** The path of the weight file in the package. */
export function embeddedFile(): string {
  return fileURLToPath(new URL(`../../embedded/${FILE}`, import.meta.url))
}

/** Assigns the weights in the package to a MobileNet without its top. Throws FILE, and WEIGHTS when the file is another one or does not fit. */
export async function loadEmbeddedWeights(target: Model, path = embeddedFile()): Promise<void> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError(error, path, { action: 'read' })
  })
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== SHA256) {
    const brief = (digits: string): string => `${digits.slice(0, 12)}…`
    throw new RootstockError('WEIGHTS', `Cannot use ${path}: its SHA-256 is ${brief(found)}, expected ${brief(SHA256)}`, {
      hint: 'The file is damaged: install the package again',
    })
  }
  assignWeights(target, await openSafetensors(path), { network: embeddedNetwork.network })
}

/** What `weights: 'embedded'` asks of the arguments. Throws USAGE, naming what the package does not hold. */
export function checkEmbedded(
  { id, releasedWidth }: { readonly id: string; readonly releasedWidth?: number },
  { includeTop }: { includeTop: boolean },
): void {
  const refuse = (found: string, hint: string): never => {
    throw new RootstockError('USAGE', `Cannot load the embedded weights into ${id}: ${found}`, { hint })
  }
  const { network, alpha } = embeddedNetwork
  if (id !== network) refuse(`the package holds those of ${network} only`, `Take ${network}, or weights: 'imagenet'`)
  if (releasedWidth !== alpha) refuse(`found alpha ${releasedWidth}, expected ${alpha}`, 'Leave alpha out')
  if (includeTop) {
    const hint = 'Train a classifier on it (rootstock train FOLDER --weights embedded), or build it with includeTop: false'
    refuse('they know no classes of their own, so that it has no top', hint)
  }
}
