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
import { INTERPOLATIONS, preprocessModes, resize, preprocess } from '../src/image/index.ts'
import { callbacks, Model } from '../src/training/index.ts'
import { lossNames, resolveLoss } from '../src/training/losses/losses.ts'
import { metricNames, resolveMetric } from '../src/training/metrics/resolve-metric.ts'
import { optimizerNames, resolveOptimizer } from '../src/training/optimizers/index.ts'
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

/** Each option of each callback, given a name that it does not have. */
const options: readonly (readonly [name: string, make: (wrong: object) => unknown, options: readonly string[]])[] = [
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

describe('an option of', () => {
  it.each(options.flatMap(([name, make, names]) => names.map((option) => [name, option, make] as const)))('%s: %s', (_, option, make) =>
    expectOffer(option, (wrong) => make({ [wrong]: () => 1 })),
  )
})
