/** @file What the teacher, the released MobileNet 0.25, says of every crop: its 256 pooled features. */
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { application } from '../../src/applications/index.ts'
import { model, type Model } from '../../src/training/index.ts'
import type { Tensor } from '../../src/tensor/index.ts'
import { cropBox, pictureOf, writeCrop } from './crop.ts'
import { filesOf, materialFiles, sources, type SourceRow } from './folders.ts'

/** Numbers that the teacher gives for one crop. */
export const TEACHER_FEATURES = 256
const CLASSES = 1000
const BATCH = 8

/** The teacher's last layer: logits = features · kernel + bias. */
export interface TeacherTop {
  /** [256, 1000] */
  readonly kernel: Tensor<'float32'>
  /** [1000] */
  readonly bias: Tensor<'float32'>
}

/** The teacher whole: 1,000 classes from 224×224 pixels. */
export function loadTeacher(): Promise<Model> {
  return application('mobilenet', { alpha: 0.25, weights: materialFiles.teacher })
}

/** The weights of the teacher's last layer. */
export async function teacherTop(): Promise<TeacherTop> {
  const whole = await loadTeacher()
  const [kernel, bias] = await Promise.all(whole.getLayer('conv_preds').weights.map((weight) => weight.read()))
  if (!kernel || !bias) throw new Error('The teacher has no conv_preds layer')
  return {
    kernel: { data: kernel.data, shape: [TEACHER_FEATURES, CLASSES], dtype: 'float32' },
    bias: { data: bias.data, shape: [CLASSES], dtype: 'float32' },
  }
}

/** Writes the features of every source that has none yet. */
export async function teach(work: string, log: (line: string) => void): Promise<void> {
  for (const source of sources) {
    const { features } = filesOf(work, source.name)
    if (existsSync(features)) continue
    const started = performance.now()
    const crops = await describeCrops(work, source, features)
    log(`${source.name}: the teacher described ${crops} crops in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  }
}

async function describeCrops(work: string, source: SourceRow, path: string): Promise<number> {
  const { side, teacherSize: size, name } = source
  const base = await trunkAt(size)
  const pixels = readFileSync(filesOf(work, name).pixels)
  const pictures = statSync(filesOf(work, name).pixels).size / (side * side * 3)
  const crops = pictures * source.crops
  const file = openSync(`${path}.part`, 'w')
  for (let start = 0; start < crops; start += BATCH) {
    const count = Math.min(BATCH, crops - start)
    const x = new Float32Array(count * size * size * 3)
    for (let i = 0; i < count; i++) {
      const number = start + i
      const target = { size, flip: false, offset: i * size * size * 3 }
      writeCrop(x, pixels, pictureOf(number, pictures) * side * side * 3, { box: cropBox(name, number, source), side, target })
    }
    writeSync(file, (await base.predict({ data: x, shape: [count, size, size, 3], dtype: 'float32' }, { batchSize: BATCH })).data)
  }
  closeSync(file)
  renameSync(`${path}.part`, path)
  await base.dispose()
  return crops
}

/** The teacher without its top, for pictures of another size: the same convolutions. */
async function trunkAt(size: number): Promise<Model> {
  const whole = await loadTeacher()
  const base = await application('mobilenet', {
    alpha: 0.25,
    weights: null,
    includeTop: false,
    inputShape: [size, size, 3],
    pooling: 'avg',
  })
  for (const layer of base.layers) {
    const weights = layer.weights
    const given = weights.length > 0 ? whole.getLayer(layer.name).weights : []
    for (const [i, weight] of weights.entries()) {
      const from = given[i]
      if (from) weight.assign((await from.read()).data)
    }
  }
  return model({ inputs: base.inputs, outputs: base.outputs })
}
