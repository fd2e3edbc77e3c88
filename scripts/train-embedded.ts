/**
 * @file Trains the network that the package ships, with this library alone: npx tsx scripts/train-embedded.ts --work FOLDER.
 *
 * It goes on where it was stopped. On a busy machine one thread does the most work per second of processor: taskset -c 0 nice npx tsx ….
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { collect } from './embedded/collect.ts'
import { exportNetwork } from './embedded/export.ts'
import { createStudent, type Standard } from './embedded/distillation.ts'
import { rateAt, stageAt, stepsOfRun, type Stage } from './embedded/stages.ts'
import { teach, teacherTop } from './embedded/teach.ts'
import { batchOf, drawViews, inOrder, openViews, standardOf, type Views } from './embedded/views.ts'
import { application, embeddedFile, embeddedNetwork } from '../src/applications/index.ts'
import type { Model } from '../src/training/index.ts'

const { values: flags } = parseArgs({
  options: {
    work: { type: 'string', default: '/tmp/rootstock-embedded' },
    /** Run one part alone: prepare, train or export. Default all. */
    only: { type: 'string' },
    /** Width of the student. Default that of the file in the package. */
    alpha: { type: 'string', default: String(embeddedNetwork.alpha) },
    /** Begin at this round of stages.ts instead of the first, with the weights of --weights. */
    from: { type: 'string', default: '0' },
    /** Weights of the network to begin with, `embedded` for those in the package. Default random ones. */
    weights: { type: 'string' },
    /** Files of weights whose mean is exported. Default the last that was trained. */
    mean: { type: 'string', multiple: true },
  },
})
const BATCH = 64
const SECONDS_BETWEEN_SAVES = 60
const STEPS_BETWEEN_CHECKS = 500
const { work } = flags
const alpha = Number(flags.alpha)
const log = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)

if (does('prepare')) {
  await collect(work, log)
  await teach(work, log)
}
if (does('train')) await train()
if (does('export')) await exportTrained()

function does(part: string): boolean {
  return flags.only === undefined || flags.only === part
}

/** What the package ships: the weights as they are after the last step, or the mean of those of several rounds. */
async function exportTrained(): Promise<void> {
  // The program reads the file at the width that it names itself: a student of another width must not take its place.
  const open = (weights: string): Promise<Model> => application('mobilenet', { alpha: embeddedNetwork.alpha, weights, includeTop: false })
  const [base, ...others] = await Promise.all((flags.mean ?? [join(work, 'base.weights.h5')]).map(open))
  if (!base) throw new Error('There are no weights to export')
  base.weights.forEach((weight, i) => {
    const all = [base, ...others].map((net) => net.weights[i]!.value().data)
    weight.assign(Float32Array.from(all[0]!, (_, k) => all.reduce((sum, data) => sum + data[k]!, 0) / all.length))
  })
  log(`${exportNetwork(base, embeddedFile())} bytes in ${embeddedFile()}`)
}

async function train(): Promise<void> {
  const known = new Map<string, Views>()
  const open = (name: Views['row']['name']): Views => {
    const views = known.get(name) ?? openViews(work, name)
    known.set(name, views)
    return views
  }
  const standard = readStandard(open)
  const last = join(work, 'last.weights.h5')
  const { first, end } = stepsOfRun(Number(flags.from))
  const { student, base } = await begin(first, standard)
  if (existsSync(last)) await student.loadWeights(last)
  const stepsDone = (): number => first + student.compiled.iterations
  log(`alpha ${alpha}, ${stepsDone()} of ${end} steps done`)
  let saved = performance.now()
  let sum = 0
  let since = { step: stepsDone(), at: performance.now() }
  while (stepsDone() < end) {
    const step = stepsDone()
    const { size, mixture, tellsKinds } = stageAt(step)
    const { views, flips } = drawViews(
      mixture.map(({ name, share }) => ({ views: open(name), share })),
      BATCH,
      step,
    )
    const { x, y } = batchOf(views, { size, flips, standard, tellsKinds })
    const logs = await student.trainOnBatch(x, y)
    sum += logs['loss'] ?? NaN
    const done = step + 1
    if (done % 50 === 0) {
      const rate = ((done - since.step) * BATCH * 1000) / (performance.now() - since.at)
      log(
        `step ${done}: ${size} px, loss ${(sum / (done - since.step)).toFixed(4)}, rate ${rateAt(step).toExponential(2)}, ${rate.toFixed(0)} pictures/s`,
      )
      since = { step: done, at: performance.now() }
      sum = 0
    }
    if (done % STEPS_BETWEEN_CHECKS === 0) {
      await check(student, { open, standard, stage: stageAt(step), done })
      for (const [name, { complete }] of known) if (!complete) known.delete(name)
    }
    if (performance.now() - saved > SECONDS_BETWEEN_SAVES * 1000 || done === end) {
      await student.saveWeights(last)
      saved = performance.now()
    }
  }
  await base.saveWeights(join(work, 'base.weights.h5'))
  log('done')
}

/** The student as it is before a run's first step. */
async function begin(first: number, standard: Standard): ReturnType<typeof createStudent> {
  const { lateLayersOnly = false, classShare = 0.5 } = stageAt(first)
  const learningRate = (step: number): number => rateAt(first + step)
  return createStudent({
    alpha,
    top: await teacherTop(),
    standard,
    learningRate,
    lateLayersOnly,
    classShare,
    weights: flags.weights ?? null,
  })
}

interface Check {
  readonly open: (name: Views['row']['name']) => Views
  readonly standard: Standard
  readonly stage: Stage
  readonly done: number
}

/** The loss on crops that are never trained on. */
async function check(student: Model, { open, standard, stage, done }: Check): Promise<void> {
  for (const name of ['held', 'heldPhotos'] as const) {
    let sum = 0
    let batches = 0
    for (const views of inOrder(open(name), BATCH)) {
      if (batches === 8) break
      const { x, y } = batchOf(views, { size: stage.size, flips: [], standard })
      sum += (await student.evaluate(x, y, { batchSize: BATCH }))['loss'] ?? NaN
      batches++
    }
    log(`step ${done}: loss on ${name} ${(sum / batches).toFixed(4)}`)
  }
}

/** Measured once, so that a run that goes on tells the student the same. */
function readStandard(open: Check['open']): Standard {
  const path = join(work, 'standard.json')
  if (!existsSync(path)) {
    const { mean, deviation } = standardOf(open('small'))
    writeFileSync(path, JSON.stringify({ mean: [...mean], deviation: [...deviation] }))
  }
  const { mean, deviation } = JSON.parse(readFileSync(path, 'utf8')) as Record<keyof Standard, number[]>
  return { mean: Float32Array.from(mean), deviation: Float32Array.from(deviation) }
}
