/** @file Public face of formats/tensorboard/: the files that TensorBoard reads, written and read back. */
export { eventWriter, readEventFile, type EventFile, type EventWriter } from './event-file.ts'
export { graphDef } from './graph-def.ts'
export { defaultBuckets, histogramBuckets } from './histogram.ts'
export { encodePictures, maxPictures, picturesOfWeight, type Pictures } from './images.ts'
export { maxSprite, writeProjector, type Embedding, type Sprite } from './projector.ts'
export { frameRecord, maskedChecksum, readRecords, type Records } from './records.ts'
export { numbersOf, seriesByTag, type Series } from './series.ts'
export { histogramSummary, imageSummary, kerasModelSummary, scalarSummary, type Png, type SummaryValue } from './summaries.ts'
