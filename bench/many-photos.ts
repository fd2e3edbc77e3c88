/**
 * @file Peak memory of training on many photos: `npx tsx bench/many-photos.ts [--photos 20000] [--size 96] [--unfreeze-from all]`.
 * Draws cats and dogs into a temporary folder; a process of its own trains on them with the embedded network, nothing in the cache.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ANIMALS, drawAnimal } from '../src/image/index.ts'
import { trainClassifier } from '../src/transfer/index.ts'

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '20000' },
    size: { type: 'string', default: '96' },
    epochs: { type: 'string', default: '3' },
    'unfreeze-from': { type: 'string' },
  },
})
const size = Number(values.size)
const photos = process.env['ROOTSTOCK_BENCH_CHILD']
if (photos === undefined) await drawAndTrain()
else await train(photos)

async function drawAndTrain(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rootstock-bench-'))
  try {
    for (const kind of ANIMALS) {
      mkdirSync(join(folder, 'photos', kind), { recursive: true })
      for (let i = 0; i < Number(values.photos) / ANIMALS.length; i++)
        writeFileSync(join(folder, 'photos', kind, `${i}.jpg`), await drawAnimal(kind, i, size))
    }
    spawnSync(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      env: { ...process.env, ROOTSTOCK_BENCH_CHILD: folder, ROOTSTOCK_CACHE: join(folder, 'cache') },
      stdio: 'inherit',
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function train(folder: string): Promise<void> {
  const peaks: Record<string, number> = {}
  const classifier = await trainClassifier(join(folder, 'photos'), {
    weights: 'embedded',
    size,
    epochs: Number(values.epochs),
    out: join(folder, 'run'),
    ...(values['unfreeze-from'] !== undefined && { unfreezeFrom: values['unfreeze-from'] }),
    onEvent({ type }) {
      peaks[type] = peak()
    },
  })
  const { images, seconds, test } = classifier.report ?? {}
  console.log(
    JSON.stringify({
      images,
      seconds,
      test,
      megabytesUpTo: { trainBegin: peaks['trainBegin'], trainEnd: peaks['trainEnd'], exit: peak() },
    }),
  )
  await classifier.dispose()
}

/** Of this process so far, in megabytes; maxRSS is in kilobytes. */
function peak(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024)
}
