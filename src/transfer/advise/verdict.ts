/** @file Which of the compared networks to take: the most accurate, or a faster one that the photos cannot tell from it. */
import { percentText } from '../report/interval.ts'
import type { RankedNetwork } from './options.ts'

/** A network with its answer for each photo. */
export interface Judged {
  readonly ranked: RankedNetwork
  /** Whether each photo was named rightly; the same photos in the same order for all networks. */
  readonly right: readonly boolean[]
}

/** Differences of accuracy that are no reason to wait longer for. */
const LEAST_GAIN = 0.005

/**
 * The fastest network that is a near tie with the most accurate one: it names fewer photos rightly by no more than half a point, or by no more than
 * one standard error of the difference on these photos. Undefined where none is better than `majority`; of a sample, more of the photos may tell.
 */
export function choose(judged: readonly Judged[], majority: number, isSample = false): { take: RankedNetwork | undefined; why: string } {
  const best = judged.reduce((a, b) => (isBetter(b, a) ? b : a))
  if (best.ranked.interval[0] <= majority) {
    const found = `${best.ranked.name} names ${shareOf(best.ranked)} rightly`
    const remedy = isSample ? 'look at the labels, or compare on more of the photos (--photos)' : 'look at the labels, or add photos'
    return {
      take: undefined,
      why: `Take none yet: ${found}, and always the same answer gets ${percentText(majority)}; ${remedy}`,
    }
  }
  const tied = judged.filter((other) => isNearTie(best, other))
  const taken = tied.reduce((a, b) => (b.ranked.millisecondsPerPhoto < a.ranked.millisecondsPerPhoto ? b : a))
  return { take: taken.ranked, why: sentence(taken, best, judged.length) }
}

function isBetter({ ranked: a }: Judged, { ranked: b }: Judged): boolean {
  return a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.millisecondsPerPhoto < b.millisecondsPerPhoto)
}

/** Photos that both name alike say nothing of the difference; of the others, b against c, its variance is (b + c − (b − c)²/n) / n². */
function isNearTie(best: Judged, other: Judged): boolean {
  const n = best.right.length
  const wins = best.right.filter((right, i) => right && !other.right[i]).length
  const losses = other.right.filter((right, i) => right && !best.right[i]).length
  const difference = (wins - losses) / n
  const error = Math.sqrt(Math.max(0, wins + losses - (wins - losses) ** 2 / n)) / n
  return difference <= Math.max(LEAST_GAIN, error)
}

function sentence({ ranked: taken }: Judged, { ranked: best }: Judged, count: number): string {
  const facts = `at ${millisecondsText(taken.millisecondsPerPhoto)} a photo and ${megabytesText(taken.megabytes)}`
  const opening = `Take ${taken.name}: it names ${shareOf(taken)} rightly`
  if (count === 1) return `${opening}, ${facts}; there was no other network to compare it with`
  if (taken === best) return `${opening}, the most of ${count} networks, ${facts}`
  const gain = best.accuracy - taken.accuracy
  const how = gain === 0 ? 'is no better' : `is only ${(gain * 100).toFixed(1)} points better, which these photos cannot tell from chance,`
  const slower = best.millisecondsPerPhoto / taken.millisecondsPerPhoto
  // Two digits of 250 would be 2.5e+2.
  const times = slower >= 99.5 ? String(Math.round(slower)) : slower.toPrecision(2)
  return `${opening}, ${facts}; ${best.name} ${how} and takes ${times} times as long`
}

function shareOf({ accuracy, interval: [lower, upper] }: RankedNetwork): string {
  return `${percentText(accuracy)} of the photos (${percentText(lower)} to ${percentText(upper)})`
}

/** 4.213 → "4.2 ms". */
export function millisecondsText(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`
}

/** 0.93 → "0.9 MB". */
export function megabytesText(megabytes: number): string {
  return `${megabytes < 10 ? megabytes.toFixed(1) : Math.round(megabytes)} MB`
}
