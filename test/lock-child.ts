/** @file A process of its own that takes a lock five times, for the test that runs several at once. */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '../src/files/lock.ts'

const [path = '', log = ''] = process.argv.slice(2)
for (let round = 0; round < 5; round++) {
  const work = async () => {
    appendFileSync(log, `enter ${process.pid} ${round}\n`)
    await sleep(5)
    appendFileSync(log, `leave ${process.pid} ${round}\n`)
  }
  await withLock(path, work, { pollMs: 3 })
}
