/** @file How far a share that was counted on a sample may be from the truth. */

/** The 97.5 % quantile of the normal distribution. */
const quantile = 1.959963984540054

/** Wilson's 95 % interval of `hits` out of `trials`: honest for small counts and for shares near 0 and 1. Without trials, 0 to 1. */
export function wilsonInterval(hits: number, trials: number): readonly [lower: number, upper: number] {
  if (trials === 0) return [0, 1]
  const share = hits / trials
  const square = quantile ** 2
  const middle = (share + square / (2 * trials)) / (1 + square / trials)
  const half = (quantile / (1 + square / trials)) * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials ** 2))
  // At the ends the exact bound is the share itself; rounding must not carry it past.
  return [hits === 0 ? 0 : Math.max(0, middle - half), hits === trials ? 1 : Math.min(1, middle + half)]
}

/** "93.0 % (86.3 % to 96.6 %)"; "none" without trials. */
export function shareText(hits: number, trials: number): string {
  if (trials === 0) return 'none'
  const [lower, upper] = wilsonInterval(hits, trials)
  return `${percentText(hits / trials)} (${percentText(lower)} to ${percentText(upper)})`
}

/** 0.93 → "93.0 %". */
export function percentText(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
