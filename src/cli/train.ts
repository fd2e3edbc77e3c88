/** @file `rootstock train`: a folder of photos in, a classifier out. */
import type { TrainReport } from '../transfer/index.ts'
import type { TrainingEvent } from '../training/index.ts'
import { RECIPES } from './recipes.ts'
import { augmentationFlags, augmentationOf, withoutAugmentation } from './augmentation-flags.ts'
import { duration } from './bar.ts'
import { command } from './command.ts'
import { choice, count, countOr, part, positive, quantity, share, toggle, word } from './flag-values.ts'
import { classWeight, head, PREPROCESSINGS, unfreezeFrom } from './head-flags.ts'
import { goOnCommand, sayHowToGoOn, shellPath } from './go-on.ts'
import { NETWORKS, WEIGHTS } from './network-names.ts'
import { oneLine } from './one-line.ts'
import { followLinks } from './photo-flags.ts'
import { trainingProgress } from './progress.ts'
import { counted, grouped, percent } from './table.ts'
import type { Terminal } from './terminal.ts'

/** The names of more classes are no line to read; --json has them. */
const NAMED_CLASSES = 40

const STORES = { float32: true, float16: 'float16', none: false } as const

export const train = command({
  name: 'train',
  summary: 'Train a classifier on a folder of photos: a new head on a pretrained network, or more of it.',
  operands: [
    { name: 'FOLDER', description: 'A folder with one folder per class, or with train/, validation/ and test/', completes: 'folders' },
  ],
  flags: {
    network: word('NAME', 'vgg16, vgg19, resnet50, inceptionV3, xception or mobilenet; default mobilenet', NETWORKS),
    alpha: quantity('A', 'Width of mobilenet: 0.25, 0.5, 0.75 or 1; default 1, or 0.5 with embedded weights', positive),
    size: count('PIXELS', "Height and width of the network's input; default its own, or 128 with embedded weights"),
    weights: word(
      'FILE',
      'imagenet, embedded (a small mobilenet in the package), none, or an .h5 file; default imagenet, else embedded',
      WEIGHTS,
    ),
    epochs: count('N', 'Passes over the photos; default 10'),
    batchSize: count('N', 'Photos per step; default 32'),
    learningRate: quantity('R', 'Default 0.001, or 0.0001 where layers of the network train too', positive),
    preprocessing: choice('HOW', 'tf, caffe, torch, tutorial (x/255) or none; default what the network was trained on', PREPROCESSINGS),
    head,
    unfreezeFrom,
    recipe: choice('NAME', 'head, or fine-tune: then the last block of the network too, with warm-up and a falling rate', RECIPES),
    layerDecay: quantity('FACTOR', 'While fine-tuning: on the learning rate from each layer to the one before it; default 1', part),
    classWeight,
    duplicates: choice('HOW', 'near (default) finds resized and re-encoded copies too; exact compares bytes', ['near', 'exact'] as const),
    followLinks,
    leaks: choice('HOW', 'Where train/ and test/ hold the same photo: report (default), move or error', [
      'report',
      'move',
      'error',
    ] as const),
    groups: word('FILE', 'A table with the columns file and group; a group is never split'),
    groupPattern: word('REGEXP', 'Its first group in the name of a photo is the group that is never split'),
    patience: countOr(count('N', 'Epochs without a better val_loss before training stops, or none; default 5'), 'none', null),
    validation: quantity('SHARE', 'Share of each class held out, where FOLDER is not split; default 0.15', share),
    test: quantity('SHARE', 'Share of each class for the test at the end; default 0.15', share),
    precision: choice('HOW', 'fp32, or int8: the frozen part in 8 bits, two to three times as fast; default fp32', [
      'fp32',
      'int8',
    ] as const),
    seed: count('S', 'Of weights, order, split and dropout; default 0', 0),
    out: word('FOLDER', "The run's folder; default runs/NETWORK-DATE"),
    resume: toggle('Go on with the interrupted run in --out; settings that are not given are those that it had'),
    checkpointSeconds: quantity('S', 'Between two checkpoints of the run, at least; default 10', positive),
    noPlots: toggle("Draw no pictures into the run's folder"),
    noSanity: toggle('Give no warnings of what looks wrong in photos, labels and losses'),
    ...augmentationFlags,
    mix: choice('HOW', 'mixup blends pairs of photos and their labels; cutmix pastes parts, where every layer trains', [
      'mixup',
      'cutmix',
    ] as const),
    featureStore: choice('HOW', 'Keep features for later runs: float32 (default), float16 in half the space, or none', [
      'float32',
      'float16',
      'none',
    ] as const),
    views: count('N', 'Fixed views of each photo where the network is frozen, computed once and kept; default 4'),
  },
  examples: [
    'rootstock train photos',
    'rootstock train data --network mobilenet --alpha 0.25 --epochs 20 --out runs/pets --json',
    'rootstock train data --out runs/pets --resume',
  ],
  endsCleanly: true,
  run: async ({ operands: [folder = ''], flags, terminal, signal }) => {
    const { inputSizeOf, trainClassifier, withRunFolder } = await import('../transfer/index.ts')
    const progress = trainingProgress(terminal.progress)
    const work = rateWatch()
    const { noPlots, noSanity, mix, featureStore, ...asked } = withoutAugmentation(flags)
    const onEvent = (event: TrainingEvent): void => (work.see(event), progress.onEvent(event))
    const chosen = await augmentationOf(flags, () => inputSizeOf({ ...asked, onEvent, signal })).finally(() => progress.finish())
    const kept = { ...(mix && (await mixOf(mix))), ...(featureStore && { featureStore: STORES[featureStore] }) }
    const told = { onEvent, signal, ...(noPlots && { plots: false }), ...(noSanity && { sanity: false }) }
    return withRunFolder(asked, async (run) => {
      const stopped = { folder, run }
      try {
        const classifier = await trainClassifier(folder, { ...asked, ...chosen, ...kept, ...told, out: run })
        progress.finish()
        const { report } = classifier
        await classifier.dispose()
        if (report) show(report, terminal, { rateOf: work.name(), ...(signal.aborted && { goOn: goOnCommand(stopped) }) })
        return { json: report ?? {} }
      } catch (error) {
        throw sayHowToGoOn(error, stopped)
      } finally {
        progress.finish()
      }
    })
  },
})

async function mixOf(name: 'mixup' | 'cutmix') {
  const { cutmix, mixup } = await import('../image/index.ts')
  return { mix: name === 'mixup' ? mixup() : cutmix() }
}

/** Listens for what the photos per second of the report are of: of computing features or, where all lay in the store, of training. */
function rateWatch() {
  let name = ''
  const see = (event: TrainingEvent): void => {
    if (event.type === 'featuresProgress' && event.done > (event.stored ?? 0)) name = ' through the network'
    else if (event.type === 'batchEnd') name ||= ' in training'
  }
  return { see, name: () => name }
}

function show(report: TrainReport, { print, note, colors }: Terminal, { rateOf, goOn }: { rateOf: string; goOn?: string }): void {
  const { run, classes, images, best, test, seconds, imagesPerSecond, unusable } = report
  const named = classes.length > NAMED_CLASSES ? `${grouped(classes.length)} classes` : oneLine(classes.join(', '))
  print(`${named}: ${counted(images.train, 'photo')} for training, ${images.validation} for validation, ${images.test} for the test`)
  if (unusable.length > 0) print(`${counted(unusable.length, 'picture')} could not be used`)
  if (best.valLoss !== null && best.valAccuracy !== null)
    print(`Best epoch ${best.epoch}: val_loss ${best.valLoss.toFixed(4)}, val_accuracy ${percent(best.valAccuracy)}`)
  if (test) print(colors.bold(`Test accuracy ${percent(test.accuracy)}`) + `, loss ${test.loss.toFixed(4)}`)
  if (report.int8) {
    const { cosine, accuracy } = report.int8
    const heads = accuracy ? `, the head ${percent(accuracy.int8)} right where it is ${percent(accuracy.fp32)} in float32` : ''
    print(`In int8: features agree with float32 to a cosine of ${cosine.mean.toFixed(4)}${heads}`)
  }
  const rate = imagesPerSecond > 0 ? `, ${grouped(imagesPerSecond)} photos/s${rateOf}` : ''
  print(colors.dim(`${duration(seconds.total)} in all, features ${duration(seconds.features)}, training ${duration(seconds.fit)}${rate}`))
  if (goOn !== undefined) note(`Stopped before its end: ${run} keeps the weights of the best epoch. Go on with: ${goOn}`)
  print(`Kept in ${oneLine(run)}: rootstock predict ${shellPath(run)} PHOTO`)
}
