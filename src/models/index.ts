export { Functional, type ModelOptions } from './functional.ts'
export { lower, type Lowered, type LowerOptions, type RandomMask } from './lower.ts'
export { summary, type SummaryOptions } from './summary.ts'
export { topologyOf } from './topology.ts'
