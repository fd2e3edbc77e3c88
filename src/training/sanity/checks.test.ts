/** @file Every check by itself: a run in which it speaks, and runs in which it is silent. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sanityIds, type RunFacts, type RunStatistics, type SanityId } from './check.ts'
import { sanityChecks } from './checks/index.ts'

type Changes = Partial<Omit<RunStatistics, 'facts'>> & { readonly facts?: RunFacts }

/** A run of 10 epochs that goes well: 90 photos of three classes, after 4 epochs. */
const healthy: RunStatistics = {
  facts: {
    classes: { counts: [30, 28, 32], names: ['cat', 'dog', 'owl'] },
    held: [12, 10, 11],
    isWeighted: false,
    batchSize: 32,
    epochs: 10,
    pixels: { model: 'net', own: 'tf', range: [-1, 1] },
    learnsStatistics: true,
    knows: true,
    guess: Math.log(3),
    start: { loss: 1.2, error: 0.1 },
  },
  steps: 120,
  epochs: 4,
  losses: [0.4, 0.5, 0.3, 0.4],
  first: 1.1,
  opening: 1,
  epochLosses: [0.8, 0.6, 0.5, 0.4],
  validation: [
    { loss: 0.9, accuracy: 0.6 },
    { loss: 0.8, accuracy: 0.8 },
  ],
  moved: 0.2,
}
const tf = { model: 'net', own: 'tf' }
const caffe = { model: 'net', own: 'caffe' }
const counts = (...list: number[]): RunFacts => ({ classes: { counts: list, names: ['cat', 'dog', 'owl', 'fox'] } })
const first = ['a.jpg', 'b.jpg'] as const
const bad = (accuracy: number): RunStatistics['validation'] => Array.from({ length: 4 }, () => ({ loss: 1, accuracy }))

const fires: readonly (readonly [SanityId, Changes, RegExp])[] = [
  ['pixel-range', { facts: { pixels: { ...tf, used: 'tutorial' } } }, /prepared as "tutorial", but net was trained on "tf"/],
  ['pixel-range', { facts: { pixels: { ...tf, range: [0, 255] } } }, /from 0 to 255, but net was trained on -1 to 1 \("tf"\)/],
  ['pixel-range', { facts: { pixels: { ...tf, range: [0, 1] } } }, /from 0 to 1,/],
  ['pixel-range', { facts: { pixels: { ...tf, range: [-2.1, 2.6] } } }, /from -2\.1 to 2\.6/],
  ['pixel-range', { facts: { pixels: { ...tf, range: [-1, -0.99] } } }, /from -1 to -0\.99/],
  ['pixel-range', { facts: { pixels: { ...caffe, range: [0, 255] } } }, /trained on about -124 to 151/],
  ['pixel-range', { facts: { pixels: { ...caffe, range: [-1, 1] } } }, /from -1 to 1/],
  ['pixel-range', { facts: { pixels: { model: 'net', own: '', range: [NaN, NaN] } } }, /not finite/],
  ['one-class', { facts: counts(0, 40, 0) }, /All 40 training photos have the same label, dog/],
  ['few-photos', { facts: counts(30, 3, 28) }, /Class dog has 3 training photos: too few/],
  ['few-photos', { facts: counts(1, 3, 0) }, /Class owl has 0 training photos, and of 3 classes 3 have fewer than 10/],
  ['dominant-class', { facts: { ...counts(95, 12), isWeighted: false } }, /Class cat has 88\.8 % of the training photos/],
  [
    'same-pictures',
    { facts: { twins: { count: 3, first, classes: ['cat', 'dog'] } } },
    /3 photos are in .* a\.jpg is in cat, and b\.jpg, .* in dog/,
  ],
  ['seen-in-training', { facts: { seen: { count: 1, first, part: 'test' } } }, /1 photo is in training and in test/],
  ['tiny-batches', { facts: { learnsStatistics: true, batchSize: 4 } }, /on 4 photos at a time/],
  ['learning-rate', { losses: [2, 3, 4] }, /jumped from 1\.1 before the first step to 3/],
  ['learning-rate', { moved: 1.4, steps: 20 }, /In 20 steps the kernels moved by 1\.4 times/],
  ['learning-rate', { epochs: 1, validation: [{ loss: 2, accuracy: 0.3 }] }, /validation loss is 2 after an epoch, and was 1\.2 before/],
  [
    'loss-rising',
    { facts: { knows: false, guess: 1.1 }, losses: [1, 12, 40, 160], steps: 4 },
    /rises fast: 1\.1 at the beginning, 12, 40, 160/,
  ],
  ['loss-not-falling', { epochLosses: [1.1, 1, 0.99, 1], steps: 100 }, /does not fall: 1 at the beginning, 0\.99 in the best of 4/],
  ['loss-not-falling', { epochLosses: [1.1, 1, 0.99, 1, 1], epochs: 5, steps: 10 }, /in the best of 5/],
  ['below-majority', { validation: bad(0.36) }, /After 4 epochs 36\.0 % .* always the same answer gets 36\.4 %/],
  ['below-majority', { facts: { ...healthy.facts, knows: false }, epochs: 5, validation: bad(0.3) }, /After 5 epochs/],
]

const silent: readonly (readonly [SanityId, Changes, string])[] = [
  ['pixel-range', { facts: { pixels: { ...tf, used: 'tf' } } }, 'a folder prepared as the network wants'],
  ['pixel-range', { facts: { pixels: { ...tf, range: [-1.2, 1.3] } } }, 'photos made lighter'],
  ['pixel-range', { facts: { pixels: { ...tf, range: [-0.9, 0.2] } } }, 'dark photos'],
  ['pixel-range', { facts: { pixels: { ...caffe, range: [-123.68, 151.06] } } }, 'the range of VGG'],
  ['pixel-range', { facts: { pixels: { model: 'net', own: 'torch', range: [-2.12, 2.64] } } }, 'standardized photos'],
  ['pixel-range', { facts: { pixels: { model: 'net', own: 'none', range: [0, 255] } } }, 'a network that scales by itself'],
  ['pixel-range', { facts: { pixels: { model: 'net', own: '', range: [0, 255] } } }, 'a network of which nothing is known'],
  ['one-class', { facts: counts(39, 1) }, 'one photo of another class'],
  ['few-photos', { facts: counts(10, 12) }, 'ten photos'],
  ['dominant-class', { facts: { ...counts(60, 20), isWeighted: false } }, 'three times as many'],
  ['dominant-class', { facts: { ...counts(95, 12), isWeighted: true } }, 'weights'],
  ['dominant-class', { facts: { ...counts(50, 9, 40, 45), isWeighted: false } }, 'a class that is small'],
  ['tiny-batches', { facts: { learnsStatistics: false, batchSize: 4 } }, 'frozen batch norms'],
  ['tiny-batches', { facts: { learnsStatistics: true, batchSize: 8 } }, 'eight photos'],
  ['learning-rate', { facts: { ...healthy.facts, knows: false }, losses: [9, 9, 9] }, 'random weights, of which nothing is lost'],
  ['learning-rate', { first: 0.02, losses: [0.2, 0.1, 0.4] }, 'a few photos that a trained head had learned by heart'],
  ['learning-rate', { epochs: 1, validation: [{ loss: 1.3, accuracy: 0.3 }] }, 'a difference within the error'],
  ['learning-rate', { epochs: 5, validation: bad(0.5) }, 'overfitting in later epochs'],
  ['learning-rate', { facts: { ...healthy.facts, start: undefined }, epochs: 1, validation: bad(0.5) }, 'a stream'],
  ['loss-rising', { facts: { knows: false, guess: 1.1 }, losses: [1, 1, 40, 1] }, 'one strange photo'],
  ['loss-rising', { facts: { knows: false, guess: 1.1 }, losses: [1, 3, 5, 4] }, 'the first steps of a large head'],
  ['loss-not-falling', { epochLosses: [1, 1], epochs: 2, steps: 20 }, 'too few steps to tell'],
  ['loss-not-falling', { opening: 0.05, epochLosses: [0.06, 0.05, 0.05], steps: 300 }, 'a run that goes on with what it knew'],
  ['below-majority', { epochs: 1, steps: 40, validation: bad(0.3) }, 'the first epoch'],
  ['below-majority', { facts: { ...healthy.facts, knows: false }, validation: bad(0.3) }, 'random weights before half of the run'],
  ['below-majority', { facts: { ...healthy.facts, held: [9, 4, 4] }, validation: bad(0.47) }, 'seventeen photos held out'],
  ['below-majority', { validation: [...bad(0.3), { loss: 1, accuracy: 0.5 }] }, 'one epoch that was better'],
  ['below-majority', { facts: { ...healthy.facts, held: undefined }, validation: bad(0.3) }, 'labels that are not known'],
]

const look = (id: SanityId, changes: Changes): string | undefined => {
  const finding = sanityChecks.find((check) => check.id === id)?.look({ ...healthy, ...changes })
  return finding && `${finding.found}. ${finding.remedy}`
}

describe('a sanity check', () => {
  it.each(fires)('%s speaks: %j', (id, changes, says) => {
    expect(look(id, changes)).toMatch(says)
  })

  it.each(silent)('%s is silent: %j (%s)', (id, changes) => {
    expect(look(id, changes)).toBeUndefined()
  })

  it('is silent in a healthy run, and where nothing is known', () => {
    const nothing: RunStatistics = {
      ...healthy,
      facts: {},
      losses: [],
      first: undefined,
      opening: undefined,
      validation: [],
      moved: undefined,
    }
    for (const { look: ask } of sanityChecks) expect([ask(healthy), ask(nothing)]).toEqual([undefined, undefined])
  })

  it('has one row in the table, one test that it speaks, and one row in docs/sanity.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/sanity.md'), 'utf8')
    expect(sanityChecks.map(({ id }) => id).sort()).toEqual([...sanityIds].sort())
    for (const id of sanityIds) {
      expect(fires.some(([tested]) => tested === id)).toBe(true)
      expect(page).toContain(`| \`${id}\` |`)
    }
  })

  it('says two sentences, the second one a remedy, as errors are written', () => {
    for (const [id, changes] of fires) {
      const text = look(id, changes) ?? ''
      expect(text).toMatch(/^[A-Z0-9].*[^.]\. [A-Z].*[^.]$/)
      expect(text).not.toMatch(/undefined|NaN times/)
    }
  })
})
