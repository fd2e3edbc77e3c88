/** @file Public face of models/: the functional model, its table, and the way from layers to operators. */
export { Functional, type ModelOptions } from './functional.ts'
export { lower, type Lowered, type LowerOptions, type RandomMask } from './lower.ts'
export { sequentialKind } from './model-kind.ts'
export { summary, type SummaryOptions } from './summary.ts'
export { topologyOf } from './topology.ts'
