/** @file Some photos of many: every class with its share. */
import { random } from '../../tensor/index.ts'

/** At most `count` indices of `labels`, in order; the same for the same seed. Where `count` allows it, every class has one at least. */
export function evenSample(labels: ArrayLike<number>, count: number, seed: number): number[] {
  const all = Array.from(labels, (label, index) => ({ label, index }))
  if (all.length <= count) return all.map(({ index }) => index)
  const rng = random(`advise/${seed}`)
  const classes = [...new Set(all.map(({ label }) => label))]
  const ranked = classes.flatMap((label) => {
    const own = rng.shuffle(all.filter((sample) => sample.label === label))
    // Taking the least places first takes the same share of every class.
    return own.map(({ index }, rank) => ({ index, place: rank === 0 ? 0 : (rank + 0.5) / own.length }))
  })
  return ranked
    .sort((a, b) => a.place - b.place)
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}
