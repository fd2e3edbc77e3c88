/** @file All commands, in the order of the help. */
import { advise } from './advise.ts'
import { augmentPreview } from './augment-preview.ts'
import { cache } from './cache.ts'
import type { Command } from './command.ts'
import { completion } from './completion.ts'
import { config } from './config.ts'
import { demo } from './demo.ts'
import { diagram } from './diagram.ts'
import { doctor } from './doctor.ts'
import { evaluate } from './evaluate.ts'
import { exportCommand } from './export.ts'
import { findRate } from './find-rate.ts'
import { plot } from './plot.ts'
import { predict } from './predict.ts'
import { prepare } from './prepare.ts'
import { summary } from './summary.ts'
import { train } from './train.ts'
import { weights } from './weights.ts'

/** The rows; none of them loads the library before it runs. */
export const commands: readonly Command[] = [
  prepare,
  train,
  advise,
  findRate,
  predict,
  evaluate,
  exportCommand,
  doctor,
  plot,
  summary,
  diagram,
  augmentPreview,
  weights,
  cache,
  demo,
  config,
  completion,
]
