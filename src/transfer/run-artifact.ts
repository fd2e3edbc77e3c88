/** @file The classifier.onnx of a run. */
import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import type { TrainingEvent } from '../training/index.ts'
import { writeArtifact } from './artifact/write-artifact.ts'
import type { Classifier } from './classifier.ts'
import { runFiles } from './run-folder.ts'

/** Writes classifier.onnx into the run's folder. The weights are there, so what hinders it is told as a warning and the run goes on. */
export async function writeRunArtifact(run: string, classifier: Classifier, emit: (event: TrainingEvent) => void): Promise<void> {
  try {
    await writeArtifact(classifier, join(run, runFiles.classifier), { onEvent: emit })
  } catch (error) {
    emit({ type: 'warning', message: `Going on without ${runFiles.classifier}: ${messageOf(error)}`, by: 'artifact' })
  }
}
