/** @file Which network is taken: the better one, or the faster one of a near tie. */
import { describe, expect, it } from 'vitest'
import { evenSample } from './sample.ts'
import { wilsonInterval } from '../report/interval.ts'
import { choose, type Judged } from './verdict.ts'

/** A network that is right at the first `hits` of `photos`, beginning at `from`. */
function judged(name: string, { hits, ms, photos = 200, from = 0 }: { hits: number; ms: number; photos?: number; from?: number }): Judged {
  const right = Array.from({ length: photos }, (_, i) => (i - from + photos) % photos < hits)
  const settings = { network: name, weights: 'imagenet', size: 224 }
  const accuracy = hits / photos
  const interval = wilsonInterval(hits, photos)
  return { right, ranked: { name, settings, accuracy, interval, millisecondsPerPhoto: ms, megabytes: 4, features: 8 } }
}

describe('choose', () => {
  it('takes the better network, though it is slower, where the photos tell them apart', () => {
    const { take, why } = choose([judged('small', { hits: 150, ms: 1 }), judged('large', { hits: 190, ms: 20 })], 0.5)
    expect(take?.name).toBe('large')
    expect(why).toBe(
      'Take large: it names 95.0 % of the photos (91.0 % to 97.3 %) rightly, the most of 2 networks, at 20 ms a photo and 4.0 MB',
    )
  })

  it('takes the faster one of a near tie, and says what the other would give', () => {
    const { take, why } = choose([judged('small', { hits: 184, ms: 1 }), judged('large', { hits: 186, ms: 20, from: 5 })], 0.5)
    expect(take?.name).toBe('small')
    expect(why).toMatch(/; large is only 1\.0 points better, which these photos cannot tell from chance, and takes 20 times as long$/)
    const slow = choose([judged('small', { hits: 184, ms: 1 }), judged('large', { hits: 186, ms: 250, from: 5 })], 0.5)
    expect(slow.why).toMatch(/takes 250 times as long$/)
  })

  it('counts differences photo by photo: the same gap is no tie where all else is equal', () => {
    // Ten photos more, and none lost: its standard error is small.
    expect(choose([judged('small', { hits: 170, ms: 1 }), judged('large', { hits: 180, ms: 20 })], 0.5).take?.name).toBe('large')
    // The same gap, with many photos that only one of them names.
    expect(choose([judged('small', { hits: 100, ms: 1 }), judged('large', { hits: 110, ms: 20, from: 90 })], 0.3).take?.name).toBe('small')
  })

  it('takes the faster one of two that are equal, and the only one there is', () => {
    const { take, why } = choose([judged('a', { hits: 190, ms: 9 }), judged('b', { hits: 190, ms: 3 })], 0.5)
    expect(take?.name).toBe('b')
    expect(why).toContain('the most of 2 networks')
    expect(choose([judged('a', { hits: 190, ms: 9 })], 0.5).why).toContain('no other network to compare')
  })

  it('takes none that is no better than always the same answer', () => {
    const { take, why } = choose([judged('a', { hits: 104, ms: 9 })], 0.5)
    expect(take).toBeUndefined()
    expect(why).toMatch(/^Take none yet: a names 52\.0 % .* always the same answer gets 50\.0 %; look at the labels, or add photos$/)
    // Of a thousand classes with a few photos each, a sample of a thousand photos has one of each class.
    expect(choose([judged('a', { hits: 104, ms: 9 })], 0.5, true).why).toMatch(
      /; look at the labels, or compare on more of the photos \(--photos\)$/,
    )
  })
})

describe('evenSample', () => {
  it('takes the same share of every class, and one photo at least', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => (i < 700 ? 0 : i < 997 ? 1 : 2))
    const chosen = evenSample(labels, 100, 0)
    const counts = [0, 1, 2].map((label) => chosen.filter((index) => labels[index] === label).length)
    expect(chosen).toHaveLength(100)
    expect(counts[0]).toBeGreaterThan(67)
    expect(counts[0]).toBeLessThan(72)
    expect(counts[2]).toBe(1)
    expect(evenSample(labels, 100, 0)).toEqual(chosen)
    expect(evenSample(labels, 100, 1)).not.toEqual(chosen)
  })

  it('leaves a small folder whole', () => {
    expect(evenSample([0, 1, 0], 10, 0)).toEqual([0, 1, 2])
  })
})
