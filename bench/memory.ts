/**
 * @file Peak memory of a process that makes one network and predicts one photo. Run it with
 * `npx tsx bench/memory.ts [--network NAME]…`; weights are random. The first row is the process without a network.
 * `ROOTSTOCK_BENCH_TRAIN=1`: three training steps of 16 photos and every layer instead.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { application } from '../src/applications/index.ts'
import { zeros } from '../src/tensor/index.ts'
import { optimizers } from '../src/training/index.ts'
import { benchOptions } from './options.ts'

const trains = process.env['ROOTSTOCK_BENCH_TRAIN'] === '1'
const asked = process.env['ROOTSTOCK_BENCH_CHILD']
if (asked === undefined) printTable()
else await measure(asked)

function printTable(): void {
  console.log(`| network | parameters | peak memory of ${trains ? 'training steps' : 'one predict'}, MB |\n|---|---|---|`)
  for (const name of ['none', ...benchOptions().networks]) {
    const child = spawnSync(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url)], {
      env: { ...process.env, ROOTSTOCK_BENCH_CHILD: name },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    console.log(child.stdout.trim())
  }
}

async function measure(name: string): Promise<void> {
  let parameters = 0
  if (name !== 'none') {
    const net = await application(name, { weights: null })
    const [, height, width] = net.input.shape as readonly [number, number, number]
    if (trains) {
      net.compile({ optimizer: optimizers.sgd({ momentum: 0.9 }), loss: 'categoricalCrossentropy' })
      for (let step = 0; step < 3; step++) await net.trainOnBatch(zeros([16, height, width, 3]), zeros([16, 1000]))
    } else await net.predict(zeros([1, height, width, 3]))
    parameters = net.countParams()
  }
  // maxRSS is in kilobytes.
  console.log(`| ${name} | ${parameters.toLocaleString('en')} | ${Math.round(process.resourceUsage().maxRSS / 1024)} |`)
}
