/** @file The arguments that the benchmarks share. */
import { parseArgs } from 'node:util'
import { networkNames, networkOf, type NetworkName } from '../src/applications/index.ts'

export interface BenchOptions {
  readonly networks: readonly NetworkName[]
  /** Least time spent on each row. */
  readonly seconds: number
}

/** Reads `--network NAME` (may be repeated; default all) and `--seconds N` (default 6). */
export function benchOptions(): BenchOptions {
  const { values } = parseArgs({ options: { network: { type: 'string', multiple: true }, seconds: { type: 'string', default: '6' } } })
  return { networks: values.network?.map((name) => networkOf(name).id) ?? networkNames, seconds: Number(values.seconds) }
}
