/** @file Typing errors in every name that a user can write: each is met with the nearest valid one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import * as applications from '../src/applications/index.ts'
import { flagName, kebab, settableCommands, type Command } from '../src/cli/command.ts'
import { commands } from '../src/cli/commands.ts'
import { readConfigFile } from '../src/cli/config-file.ts'
import { readArguments } from '../src/cli/program.ts'
import { engine } from '../src/engine/index.ts'
import { RootstockError } from '../src/errors.ts'
import * as image from '../src/image/index.ts'
import { INTERPOLATIONS, preprocessModes, resize, preprocess } from '../src/image/index.ts'
import { imageFolder, prepare, splitFrom, splitOf } from '../src/data/index.ts'
import { layers } from '../src/layers/index.ts'
import { plotLearningRates, plotModel, plotTraining } from '../src/report/index.ts'
import { tensor } from '../src/tensor/index.ts'
import { callbacks, loadModel, losses, metrics, model, Model, optimizers, schedules } from '../src/training/index.ts'
import { lossNames, resolveLoss } from '../src/training/losses/losses.ts'
import { metricNames, resolveMetric } from '../src/training/metrics/resolve-metric.ts'
import { optimizerNames, resolveOptimizer } from '../src/training/optimizers/index.ts'
import * as transfer from '../src/transfer/index.ts'
import { drawClasses, expectRefusal, rootstock, scratchFolder, SMALL } from './cli/rootstock.cases.ts'

const scratch = scratchFolder()
beforeAll(() => drawClasses(join(scratch, 'photos'), 8))

/** Two neighbours swapped, or, where that changes nothing, a letter too many. */
function typoOf(name: string): string {
  const at = Math.max(1, name.length - 3)
  const swapped = name.slice(0, at) + (name[at + 1] ?? '') + (name[at] ?? '') + name.slice(at + 2)
  return swapped === name || name.length < 5 ? `${name}x` : swapped
}

async function refusal(work: () => unknown): Promise<RootstockError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof RootstockError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** Checks that `use` refuses a misspelt name and offers the right one. */
async function expectOffer(name: string, use: (wrong: string) => unknown): Promise<void> {
  const { hint, code } = await refusal(() => use(typoOf(name)))
  expect(hint, typoOf(name)).toContain(`"${name}"`)
  expect(code).toBe('UNKNOWN_NAME')
}

const read = (...argv: string[]): unknown => readArguments(argv, commands, { version: '0', columns: 80 })
const flagsOf = ({ flags }: Command): string[] => Object.keys(flags).map(flagName)

describe('on the command line', () => {
  it.each(commands.map(({ name }) => name))('command %s', async (name) => {
    await expectOffer(name, (wrong) => read(wrong))
    await expectOffer(name, (wrong) => read('help', wrong))
  })

  it.each(
    commands.flatMap((command) => [...flagsOf(command), '--config', '--json', '--quiet'].map((flag) => [command.name, flag] as const)),
  )('%s %s', (name, flag) => expectOffer(flag, (wrong) => read(name, wrong)))

  const named = settableCommands(commands).flatMap(({ name, flags }) =>
    Object.entries(flags).flatMap(([key, { form, parse }]) =>
      form.kind === 'names' ? form.names.map((word) => ({ name, key, word, parse })) : [],
    ),
  )
  it.each(named)('$name $key $word', async ({ word, key, parse }) => {
    const { hint } = await refusal(() => parse(typoOf(word), flagName(key)))
    expect(hint).toContain(word)
  })

  it('every key of a config file', async () => {
    const path = join(scratch, 'typo.json')
    for (const command of settableCommands(commands)) {
      for (const key of Object.keys(command.flags).map(kebab)) {
        await expectOffer(key, (wrong) => {
          writeFileSync(path, JSON.stringify({ [command.name]: { [wrong]: 1 } }))
          return readConfigFile({ path, isNamed: true }, command, commands)
        })
      }
    }
  })

  const train = ['train', join(scratch, 'photos'), ...SMALL, '--epochs', '1', '--no-plots', '--out', join(scratch, 'run')]
  it.each([
    [[...train, '--unfreeze-from', 'conv_pw_1l'], /Unknown layer "conv_pw_1l"\. Did you mean "conv_pw_1/],
    [[...train, '--network', 'mobilnet'], /Unknown network "mobilnet"\. Did you mean "mobilenet"/],
    [[...train, '--weights', 'imagenett'], /Unknown weights "imagenett"\. Did you mean "imagenet"/],
    [['advise', join(scratch, 'photos'), '--network', 'resnet5O'], /Unknown network "resnet5O"\. Did you mean "resnet50"/],
    [['advise', join(scratch, 'photos'), '--weights', 'mobilnet=a.h5'], /Unknown network "mobilnet"\. Did you mean "mobilenet"/],
    [['find-rate', join(scratch, 'photos'), '--network', 'vgg61'], /Unknown network "vgg61"\. Did you mean "vgg16"/],
    [['summary', 'xceptoin'], /Unknown network or run folder "xceptoin"\. Did you mean "xception"/],
    [['diagram', 'mobilnet'], /Did you mean "mobilenet"/],
    [['export', 'mobilnet', 'a.onnx'], /Did you mean "mobilenet"/],
    [['completion', 'zhs'], /Unknown shell "zhs"\. Did you mean "zsh"/],
    [['predict', 'mobilnet', 'a.jpg'], /Unknown network or run folder "mobilnet"\. Did you mean "mobilenet"/],
  ])('%j', async ([...argv], says) => {
    const result = await rootstock(argv)
    expectRefusal(result, { code: 2, says })
  })
})

describe('in the library', () => {
  it.each([...applications.networkNames])('network %s', (name) => expectOffer(name, applications.networkOf))
  it.each([...metricNames])('metric %s', (name) => expectOffer(name, resolveMetric))
  it.each([...lossNames])('loss %s', (name) => expectOffer(name, resolveLoss))
  it.each([...optimizerNames])('optimizer %s', (name) => expectOffer(name, resolveOptimizer))
  it.each(['cpu', 'webgpu', 'cuda'])('engine %s', (name) => expectOffer(name, engine))
  it.each(['imagenet', 'embedded'])('weights %s', (name) =>
    expectOffer(name, (wrong) => applications.mobilenet({ weights: wrong, includeTop: false, inputShape: [96, 96, 3], alpha: 0.25 })),
  )

  it.each([...INTERPOLATIONS])('resize filter %s', (name) =>
    expectOffer(name, (wrong) => resize({ data: new Uint8Array(3), width: 1, height: 1 }, [2, 2], { interpolation: wrong as 'box' })),
  )

  it.each([...preprocessModes])('preprocessing %s', (name) =>
    expectOffer(name, (wrong) => preprocess({ data: new Float32Array(3), shape: [1, 1, 3], dtype: 'float32' }, wrong as 'tf')),
  )

  it('layer', async () => {
    const net = await applications.mobilenet({ weights: null, includeTop: false, inputShape: [32, 32, 3], alpha: 0.25 })
    expect(net).toBeInstanceOf(Model)
    await expectOffer('conv_pw_13_relu', (wrong) => net.getLayer(wrong))
  })
})

type Row = readonly (readonly [name: string, make: (wrong: object) => unknown, options: readonly string[]])[]

/** Each option of each callback, given a name that it does not have. */
const ofCallbacks: Row = [
  [
    'earlyStopping',
    (o) => callbacks.earlyStopping(o),
    ['monitor', 'minDelta', 'patience', 'restoreBestWeights', 'startFromEpoch', 'baseline'],
  ],
  [
    'modelCheckpoint',
    (o) => callbacks.modelCheckpoint({ filepath: 'a.h5', ...o }),
    ['saveBestOnly', 'saveWeightsOnly', 'saveFreq', 'monitor'],
  ],
  ['reduceLROnPlateau', (o) => callbacks.reduceLROnPlateau(o), ['factor', 'patience', 'minLr', 'cooldown', 'minDelta']],
  ['csvLogger', (o) => callbacks.csvLogger('a.csv', o), ['separator', 'append']],
  ['tensorBoard', (o) => callbacks.tensorBoard(o), ['logDir', 'histogramFreq', 'updateFreq', 'writeGraph']],
  ['backupAndRestore', (o) => callbacks.backupAndRestore({ backupDir: 'a', ...o }), ['saveFreq', 'deleteCheckpoint']],
  ['remoteMonitor', (o) => callbacks.remoteMonitor(o), ['root', 'sendAsJson', 'headers']],
  ['learningRateScheduler', (o) => callbacks.learningRateScheduler(() => 1, o), ['verbose']],
  ['swapEmaWeights', (o) => callbacks.swapEmaWeights(o), ['swapOnEpoch']],
  ['terminateOnNaN', (o) => callbacks.terminateOnNaN(o), ['raiseError']],
  ['lambdaCallback', (o) => callbacks.lambdaCallback(o), ['onEpochEnd', 'onTrainBegin']],
]

function dense(): Model {
  const x = layers.input({ shape: [2] })
  const net = model({ inputs: x, outputs: layers.dense({ units: 2, activation: 'softmax' })(x) })
  net.compile({ loss: 'categoricalCrossentropy' })
  return net
}

const net = dense()
const x = tensor([1, 2], [1, 2])
const classifier = new transfer.Classifier({
  model: net,
  network: 'none',
  labels: [{ label: 'a' }, { label: 'b' }],
  reading: { size: 32, preprocessing: 'none', interpolation: 'bilinear', exif: 'apply' },
})
const common = ['learningRate', 'weightDecay', 'clipnorm', 'useEma']

/** Options of what makes and uses models. */
const ofModels: Row = [
  ['compile', (o) => net.compile({ loss: 'mse', ...o }), ['optimizer', 'metrics', 'learningRateFactors', 'stepsPerExecution']],
  ['fit', (o) => net.fit(x, x, o), ['epochs', 'batchSize', 'callbacks', 'validationData', 'classWeight', 'augmentation', 'onEvent']],
  ['checkpoint', (o) => net.fit(x, x, { checkpoint: { folder: 'a', ...o } }), ['everySeconds', 'everyBatches']],
  ['evaluate', (o) => net.evaluate(x, x, o), ['batchSize', 'steps', 'featureStore']],
  ['predict', (o) => net.predict(x, o), ['batchSize', 'precision']],
  ['predictAll', (o) => net.predictAll([x], o), ['batchSize']],
  ['trainOnBatch', (o) => net.trainOnBatch(x, x, o), ['sampleWeight', 'classWeight']],
  ['findLearningRate', (o) => net.findLearningRate(x, x, o), ['from', 'steps', 'batchSize']],
  ['loadWeights', (o) => net.loadWeights('a.h5', o), ['byName', 'skipMismatch']],
  ['summary', (o) => net.summary(o), ['lineLength', 'expandNested']],
  ['loadModel', (o) => loadModel('a.keras', o), ['compile']],
  ['model', (o) => model({ inputs: net.input, outputs: net.output, ...o }), ['name', 'trainable']],
  ['input', (o) => layers.input({ shape: [2], ...o }), ['name']],
  ['dense', (o) => layers.dense({ units: 2, ...o }), ['activation', 'useBias', 'kernelInitializer', 'name', 'trainable']],
  ['conv2d', (o) => layers.conv2d({ filters: 2, kernelSize: 3, ...o }), ['strides', 'padding', 'dilationRate', 'useBias', 'activation']],
  ['separableConv2d', (o) => layers.separableConv2d({ filters: 2, kernelSize: 3, ...o }), ['depthMultiplier', 'pointwiseInitializer']],
  ['maxPooling2d', (o) => layers.maxPooling2d(o), ['poolSize', 'strides', 'padding']],
  ['batchNormalization', (o) => layers.batchNormalization(o), ['momentum', 'epsilon']],
  ['dropout', (o) => layers.dropout({ rate: 0.5, ...o }), ['name']],
  ['sgd', (o) => optimizers.sgd(o), [...common, 'momentum', 'nesterov']],
  ['adam', (o) => optimizers.adam(o), [...common, 'beta1', 'epsilon', 'amsgrad']],
  ['adamW', (o) => optimizers.adamW(o), [...common, 'beta2', 'amsgrad']],
  ['rmsprop', (o) => optimizers.rmsprop(o), [...common, 'momentum', 'centered']],
  ['adagrad', (o) => optimizers.adagrad(o), [...common, 'initialAccumulatorValue']],
  ['nadam', (o) => optimizers.nadam(o), [...common, 'beta1']],
  ['lion', (o) => optimizers.lion(o), [...common, 'beta1']],
  ['categoricalCrossentropy', (o) => losses.categoricalCrossentropy(o), ['fromLogits', 'labelSmoothing']],
  ['sparseCategoricalCrossentropy', (o) => losses.sparseCategoricalCrossentropy(o), ['fromLogits']],
  ['binaryCrossentropy', (o) => losses.binaryCrossentropy(o), ['fromLogits', 'labelSmoothing']],
  ['categoricalFocalCrossentropy', (o) => losses.categoricalFocalCrossentropy(o), ['alpha', 'gamma', 'fromLogits']],
  ['accuracy', (o) => metrics.accuracy(o), ['name']],
  ['binaryAccuracy', (o) => metrics.binaryAccuracy(o), ['threshold']],
  ['auc', (o) => metrics.auc(o), ['numThresholds', 'curve', 'summationMethod']],
  ['f1Score', (o) => metrics.f1Score(o), ['average', 'threshold']],
  ['precision', (o) => metrics.precision(o), ['thresholds', 'topK', 'classId']],
  ['recall', (o) => metrics.recall(o), ['thresholds', 'topK', 'classId']],
  ['topKCategoricalAccuracy', (o) => metrics.topKCategoricalAccuracy(o), ['name']],
  ['cosineDecay', (o) => schedules.cosineDecay({ initialLearningRate: 1, decaySteps: 1, ...o }), ['alpha', 'warmupTarget', 'warmupSteps']],
  ['exponentialDecay', (o) => schedules.exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 1, ...o }), ['staircase']],
  ['polynomialDecay', (o) => schedules.polynomialDecay({ initialLearningRate: 1, decaySteps: 1, ...o }), ['power', 'endLearningRate']],
]

/** Options of what reads photos and makes classifiers of them. */
const ofPhotos: Row = [
  ['mobilenet', (o) => applications.mobilenet(o), ['alpha', 'weights', 'includeTop', 'inputShape', 'pooling', 'classes']],
  ['resnet50', (o) => applications.resnet50(o), ['weights', 'includeTop', 'classifierActivation']],
  ['imageFolder', (o) => imageFolder('a', o), ['targetSize', 'interpolation', 'labelMode', 'classNames', 'shuffle', 'followLinks']],
  ['prepare', (o) => prepare('a', 'b', o), ['labels', 'train', 'validation', 'force']],
  ['splitOf', (o) => splitOf('a', o), ['train', 'validation', 'duplicates', 'groupPattern', 'groups', 'maxUnusable', 'leaks']],
  ['splitFrom', (o) => splitFrom({}, 'a', o), ['parts', 'folder', 'signal']],
  ['resize', (o) => resize({ data: new Uint8Array(3), width: 1, height: 1 }, [1, 1], o), ['interpolation', 'keepAspectRatio']],
  ['load', (o) => image.load('a.jpg', o), ['targetSize', 'interpolation', 'colorMode', 'keepAspectRatio']],
  ['randomFlip', (o) => image.randomFlip(o), ['mode']],
  ['randomRotation', (o) => image.randomRotation({ factor: 0.1, ...o }), ['fillMode', 'fillValue', 'interpolation']],
  ['randomZoom', (o) => image.randomZoom({ heightFactor: 0.1, ...o }), ['widthFactor', 'fillMode']],
  ['randomTranslation', (o) => image.randomTranslation({ heightFactor: 0.1, widthFactor: 0.1, ...o }), ['fillMode']],
  ['randomShear', (o) => image.randomShear(o), ['xFactor', 'yFactor']],
  ['randomContrast', (o) => image.randomContrast({ factor: 0.1, ...o }), ['valueRange']],
  ['randomBrightness', (o) => image.randomBrightness({ factor: 0.1, ...o }), ['valueRange']],
  ['randAugment', (o) => image.randAugment(o), ['numOps', 'factor']],
  ['mixup', (o) => image.mixup(o), ['alpha']],
  ['cutmix', (o) => image.cutmix(o), ['factor']],
  ['plotTraining', (o) => plotTraining({}, o), ['title']],
  ['plotLearningRates', (o) => plotLearningRates([1], [1], o), ['title', 'suggested']],
  ['plotModel', (o) => plotModel(net, o), ['showShapes', 'rankDirection', 'expandNested']],
  ['trainClassifier', (o) => transfer.trainClassifier('a', o), ['epochs', 'network', 'learningRate', 'unfreezeFrom', 'recipe', 'patience']],
  ['fineTune', (o) => transfer.fineTune('a', o), ['epochs', 'layerDecay', 'augmentation']],
  ['adviseNetwork', (o) => transfer.adviseNetwork('a', o), ['networks', 'alphas', 'folds', 'photos']],
  ['findClassifierRate', (o) => transfer.findClassifierRate('a', o), ['from', 'steps', 'network', 'batchSize']],
  ['loadClassifier', (o) => transfer.loadClassifier('a', o), ['labels', 'preprocessing', 'size']],
  ['pretrainedClassifier', (o) => transfer.pretrainedClassifier('mobilenet', o), ['alpha', 'weights', 'size']],
  ['checkMachine', (o) => transfer.checkMachine(o), ['askNetwork', 'environment']],
  ['classifier.predict', (o) => classifier.predict('a.jpg', o), ['top', 'exif', 'interpolation']],
  ['classifier.predictAll', (o) => classifier.predictAll(['a.jpg'], o).next(), ['top']],
  ['classifier.evaluate', (o) => classifier.evaluate('a', o), ['onEvent']],
  ['classifier.save', (o) => classifier.save('a.onnx', o), ['precision', 'created']],
]

describe('an option of', () => {
  it.each(
    [...ofCallbacks, ...ofModels, ...ofPhotos].flatMap(([name, make, names]) => names.map((option) => [name, option, make] as const)),
  )('%s: %s', (_, option, make) => expectOffer(option, (wrong) => make({ [wrong]: () => 1 })))
})
