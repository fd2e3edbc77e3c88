/** @file The sanity doctor: gathers what happens in a run, asks every check at its moment, and warns of each finding once. */
import { unknownName } from '../../errors.ts'
import type { TrainingEvent, WarningEvent } from '../events.ts'
import { sanityIds, type Finding, type Moment, type RunFacts, type RunStatistics, type SanityCheck, type SanityId } from './check.ts'
import { sanityChecks } from './checks/index.ts'
import { gatherStatistics } from './statistics.ts'

/** Whether a run is watched, or which checks are left out. */
export type SanityOption =
  | boolean
  | {
      /** Checks that are not made; all the others are. */
      readonly ignore: readonly SanityId[]
    }

/** Watches one run. */
export interface Doctor {
  readonly isOn: boolean
  /** Takes in what is known of the run before its first step. What that shows was told already where the run goes on after an interruption. */
  learn(facts: RunFacts, isResumed?: boolean): void
  /** How far the weights moved; asked in the first steps. */
  watchWeights(moved: () => number): void
  /** Passes an event on, and warns after it of what is wrong by then. */
  readonly listen: (event: TrainingEvent) => void
}

/** A doctor that speaks through `emit`; without it, through Node's own warnings. Code UNKNOWN_NAME for a check that is not there. */
export function openDoctor(option: SanityOption = true, emit?: (event: TrainingEvent) => void): Doctor {
  const pass = emit ?? ((): void => undefined)
  const checks = checksFor(option)
  if (checks.length === 0) return { isOn: false, learn: () => undefined, watchWeights: () => undefined, listen: pass }
  const warn = (event: WarningEvent): void => (emit ? emit(event) : process.emitWarning(event.message, 'RootstockWarning', event.id))
  const statistics = gatherStatistics()
  const told = new Set<SanityId>()
  const ask = (moment: Moment, isTold = false): void => {
    for (const { id, when, look } of checks) {
      if (told.has(id) || !when.includes(moment)) continue
      const finding = look(statistics.seen())
      if (!finding) continue
      told.add(id)
      if (!isTold) warn(warningOf(id, finding))
    }
  }
  return {
    isOn: true,
    learn(facts, isResumed) {
      statistics.learn(facts)
      ask('begin', isResumed)
    },
    watchWeights: (moved) => statistics.watchWeights(moved),
    listen(event) {
      pass(event)
      const moment = statistics.take(event)
      if (moment) ask(moment)
    },
  }
}

/** What can be said of a run from facts alone. */
export function sanityWarnings(facts: RunFacts): WarningEvent[] {
  const seen: RunStatistics = { ...gatherStatistics().seen(), facts }
  return sanityChecks.flatMap(({ id, when, look }) => {
    const finding = when.includes('begin') ? look(seen) : undefined
    return finding ? [warningOf(id, finding)] : []
  })
}

function warningOf(id: SanityId, { found, remedy }: Finding): WarningEvent {
  return { type: 'warning', message: `${found}. ${remedy}`, by: 'sanity', id, remedy }
}

function checksFor(option: SanityOption): readonly SanityCheck[] {
  if (typeof option === 'boolean') return option ? sanityChecks : []
  const unknown = option.ignore.find((id) => !sanityIds.includes(id))
  if (unknown !== undefined) throw unknownName('sanity check', String(unknown), sanityIds)
  return sanityChecks.filter(({ id }) => !option.ignore.includes(id))
}
