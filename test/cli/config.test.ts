/** @file Settings from files and variables: what counts, what is refused, and that the published schema is that of the flags. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readConfigFile } from '../../src/cli/config-file.ts'
import { configSchema } from '../../src/cli/config-schema.ts'
import { kebab, settableCommands, type Command } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { settingsOf } from '../../src/cli/settings.ts'
import { RootstockError } from '../../src/errors.ts'
import { expectRefusal, rootstock, rootstockJson, scratchFolder } from './rootstock.cases.ts'

const scratch = scratchFolder()
let files = 0

function file(text: string, extension = 'yaml'): string {
  const path = join(scratch, `${files++}.${extension}`)
  writeFileSync(path, text)
  return path
}

const commandOf = (name: string): Command => commands.find((command) => command.name === name) ?? commands[0]!

async function settings(name: string, text: string, environment: Readonly<Record<string, string>> = {}): Promise<Record<string, unknown>> {
  const asked = { command: commandOf(name), operands: [], flags: {}, config: file(text) }
  return (await settingsOf(asked, { commands, environment, folder: scratch })).values
}

describe('a config file', () => {
  it('holds settings per command and for all that have them, in both spellings, in YAML and JSON', async () => {
    const text =
      'alpha: 0.25\ntrain:\n  batch-size: 8\n  learningRate: 1e-3\n  head: none\n  patience: none\n  plots: false\n  resume: false\nprepare: { labels: [cat, dog] }\n'
    const train = { alpha: 0.25, batchSize: 8, learningRate: 0.001, head: 'none', patience: null, noPlots: true }
    expect(await settings('train', text)).toEqual(train)
    expect(await settings('predict', text)).toEqual({ alpha: 0.25 })
    expect(await settings('prepare', text)).toEqual({ labels: ['cat', 'dog'] })
    expect(await settings('train', '{\n\t"$schema": "x",\n\t"train": { "epochs": 3 }\n}')).toEqual({ epochs: 3 })
    expect(await settings('train', '')).toEqual({})
    expect(await settings('train', 'alpha: 0.25\ntrain: { alpha: 0.5 }')).toEqual({ alpha: 0.5 })
  })

  it.each([
    ['predict', { operands: ['mobilenet', 'a.jpg'] }, { alpha: 0.25, weights: 'none' }],
    ['predict', { operands: ['resnet50', 'a.jpg'] }, { weights: 'none' }],
    ['predict', { operands: ['runs/pets', 'a.jpg'] }, {}],
    ['summary', { operands: ['Inception_V3'] }, {}],
    ['export', { operands: ['runs/pets', 'a.onnx'], flags: { weights: 'imagenet' } }, { weights: 'imagenet' }],
    ['weights', { operands: ['a.h5'], flags: { network: 'vgg16' } }, { network: 'vgg16' }],
    ['weights', { operands: ['a.h5'], flags: { network: 'mobilenet' } }, { network: 'mobilenet', alpha: 0.25 }],
    ['weights', { operands: ['a.h5'] }, {}],
    ['advise', { operands: ['photos'], flags: { network: 'vgg16\nmobilenet' } }, { network: ['vgg16', 'mobilenet'], alpha: [0.25] }],
    ['advise', { operands: ['photos'], flags: { network: 'vgg16' } }, { network: ['vgg16'] }],
    ['advise', { operands: ['photos'], flags: { network: 'all' } }, { network: ['all'], alpha: [0.25] }],
    ['advise', { operands: ['photos'] }, { alpha: [0.25] }],
    ['train', { flags: { network: 'xception' } }, { network: 'xception', weights: 'none' }],
    ['train', { operands: ['photos'] }, { alpha: 0.25, weights: 'none' }],
  ] as const)('%s %j: what holds for all commands counts where it means something', async (name, given, expected) => {
    const asked = { command: commandOf(name), operands: [], flags: {}, config: file('alpha: 0.25\nweights: none\n'), ...given }
    expect((await settingsOf(asked, { commands, environment: {}, folder: scratch })).values).toEqual(expected)
  })

  it.each([
    ['top: 5', { predict: { top: 5 }, summary: {}, weights: {}, train: {} }],
    ['top: false', { predict: {}, summary: { noTop: true } }],
    ['test: 0.2', { train: { test: 0.2 }, prepare: {} }],
    ['test: 20', { train: {}, prepare: { test: 20 } }],
    ['duplicates: near\nweights: embedded', { train: { duplicates: 'near', weights: 'embedded' }, advise: { duplicates: 'near' } }],
  ])('%j at the top is for the commands that mean the same by it', async (text, expected) => {
    for (const [name, values] of Object.entries(expected)) expect(await settings(name, text), name).toEqual(values)
  })

  it('gives operands, and of one command alone, as the config.yaml of a run', async () => {
    const path = file('command: train\nfolder: photos\nepochs: 4\n')
    const { json } = await rootstockJson(['config', 'train', '--config', path, '--seed', '3'], { ROOTSTOCK_TRAIN_EPOCHS: '5' })
    expect(json).toMatchObject({
      command: 'train',
      operands: ['photos'],
      file: path,
      settings: { epochs: { value: '5', from: 'environment', name: 'ROOTSTOCK_TRAIN_EPOCHS' }, seed: { from: 'flag', name: '--seed' } },
    })
    const refused = await rootstock(['predict', 'mobilenet', 'a.jpg', '--config', path])
    expectRefusal(refused, { code: 2, says: /Cannot use .* with predict: its settings are for train/ })
  })

  it('gives way to variables, and these to flags', async () => {
    const path = file('train: { epochs: 1, seed: 1, alpha: 0.5 }')
    const asked = { command: commandOf('train'), operands: [], flags: { seed: '3' }, config: path }
    const environment = { ROOTSTOCK_TRAIN_SEED: '2', ROOTSTOCK_TRAIN_EPOCHS: '2', ROOTSTOCK_TRAIN_RESUME: 'yes', ROOTSTOCK_TRAIN_OUT: '' }
    const { values, origins } = await settingsOf(asked, { commands, environment, folder: scratch })
    expect(values).toEqual({ epochs: 2, seed: 3, alpha: 0.5, resume: true })
    expect(Object.values(origins).map(({ from }) => from)).toEqual(['file', 'environment', 'flag', 'environment'])
  })

  it('is found in the current folder, and --no-config does without', async () => {
    const folder = join(scratch, 'found')
    mkdirSync(folder)
    writeFileSync(join(folder, 'rootstock.config.yml'), 'train: { epochs: 7 }')
    const asked = { command: commandOf('train'), operands: [], flags: {} }
    const at = { commands, environment: {}, folder }
    expect((await settingsOf({ ...asked, config: undefined }, at)).values).toEqual({ epochs: 7 })
    expect((await settingsOf({ ...asked, config: false }, at)).values).toEqual({})
    expect(
      (await settingsOf({ ...asked, config: undefined }, { ...at, environment: { ROOTSTOCK_CONFIG: file('seed: 1') } })).values,
    ).toEqual({ seed: 1 })
    writeFileSync(join(folder, 'rootstock.config.json'), '{}')
    await expect(settingsOf({ ...asked, config: undefined }, at)).rejects.toThrow(/found .*\.yml and .*\.json, expected one/)
  })

  it('printed by config is a config file that says the same', async () => {
    const argv = ['train', 'my photos', '--epochs', '3', '--head', 'none', '--no-plots', '--learning-rate', '0.01']
    const { stdout } = await rootstock(['config', ...argv, '--print'])
    expect(parse(stdout)).toEqual({
      command: 'train',
      folder: 'my photos',
      epochs: 3,
      head: 'none',
      'no-plots': true,
      'learning-rate': 0.01,
    })
    const again = await rootstockJson(['config', 'train', '--config', file(stdout)])
    expect(again.json).toMatchObject({ operands: ['my photos'], settings: { epochs: { value: 3 }, 'no-plots': { value: true } } })
  })
})

const refused: readonly (readonly [text: string, says: RegExp])[] = [
  ['trian: { epochs: 3 }', /Unknown section in .* "trian"\. Did you mean "train"/],
  ['train: { epoch: 3 }', /Unknown setting of train in .* "epoch"\. Did you mean "epochs"/],
  ['predict: { tpo: 3 }', /Unknown setting of predict in .* "tpo"\. Did you mean "top"/],
  ['aplha: 3', /Unknown setting in .* "aplha"\. Did you mean "alpha"/],
  ['command: trian', /Unknown command in .* "trian"\. Did you mean "train"/],
  ['train: { epochs: ten }', /Cannot use train\.epochs in .*: found the text "ten", expected a whole number/],
  ['train: { epochs: "3" }', /found the text "3", expected a whole number/],
  ['train: { epochs: 0 }', /Invalid value "0" of train\.epochs in .*: expected a whole number from 1/],
  ['test: much', /Cannot use test in .*: found the text "much", expected a number/],
  ['train: { epochs: }', /found nothing, expected a whole number/],
  ['train: { head: big }', /expected a whole number or none/],
  ['train: { out: 3 }', /train\.out in .*: found the number 3, expected a text/],
  ['train: { resume: "yes" }', /train\.resume in .*: found the text "yes", expected true or false/],
  ['train: { recipe: fine-tuen }', /Unknown value "fine-tuen" of train\.recipe in .*Did you mean "fine-tune"/],
  ['prepare: { labels: [1] }', /prepare\.labels in .*: found a list, expected a list of texts/],
  ['train: [1]', /Cannot use train in .*: found a list, expected the settings of train, each in a line of its own below it/],
  ['predict: 3', /Cannot use predict in .*: found the number 3, expected the settings of predict/],
  ['weights: [mobilenet=a.h5]', /Cannot use weights in .*: found a list, expected the settings of weights/],
  ['train: { network: { name: x } }', /train\.network in .*: found a mapping/],
  ['train: { epochs: 1, epochs: 2 }', /must be unique/],
  ['train: { batch-size: 1, batchSize: 2 }', /Cannot use train\.batchSize in .*: the same setting is given as train\.batch-size in .*/],
  ['noPlots: true\nplots: true', /Cannot use plots in .*: the same setting is given as noPlots in/],
  ['epochs: 1\n---\nepochs: 2', /it holds several documents, expected one/],
  ['- epochs', /it holds no settings/],
  ['train: !!js/function "function () {}"', /Unresolved tag/],
  ['__proto__: { epochs: 3 }', /Unknown section in .* "__proto__"/],
  ['a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n', /alias/],
  ['[[[['.repeat(20_000), /Cannot read the config file/],
  ['train: { epochs: 3', /Cannot read the config file/],
  ['x'.repeat(2 ** 20 + 1), /it has 1048577 bytes/],
]

it('a section with nothing but comments in it says nothing', async () => {
  const { json } = await rootstockJson(['config', 'train', '--config', file('train:\n  # epochs: 3\nalpha: 0.5\n')])
  expect(json).toMatchObject({ settings: { alpha: { value: 0.5 } } })
})

describe('a config file is refused', () => {
  it.each(refused.map(([text, says]) => ({ name: text.slice(0, 60), text, says })))('$name', async ({ text, says }) => {
    const error: unknown = await settings('train', text).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RootstockError)
    const { message, hint, code } = error as RootstockError
    expect(`${message}. ${hint ?? ''}`).toMatch(says)
    expect(['USAGE', 'UNKNOWN_NAME']).toContain(code)
  })

  it('that is no file or not there', async () => {
    expectRefusal(await rootstock(['train', 'x', '--config', '']), { code: 2, says: /Invalid value "" of --config: expected a file/ })
    expectRefusal(await rootstock(['train', 'x', '--config', scratch]), { code: 2, says: /it is no file/ })
    expectRefusal(await rootstock(['train', 'x', '--config', join(scratch, 'none.yaml')]), { code: 1, says: /it does not exist/ })
  })

  it('or read, whatever is in it, without another error', async () => {
    const word = fc.oneof(fc.constantFrom('train', 'epochs', 'out', 'plots', 'command', '__proto__'), fc.string())
    const json = fc.letrec((tie) => ({
      value: fc.oneof(fc.double(), fc.boolean(), fc.constant(null), word, fc.array(tie('value'), { maxLength: 2 }), tie('node')),
      node: fc.dictionary(word, tie('value'), { maxKeys: 3, depthIdentifier: 'node' }),
    })).node
    const path = file('')
    const property = fc.asyncProperty(
      fc.oneof(
        fc.string(),
        json.map((value) => JSON.stringify(value)),
      ),
      async (text) => {
        writeFileSync(path, text)
        const error: unknown = await readConfigFile({ path, isNamed: true }, commandOf('train'), commands).catch(
          (thrown: unknown) => thrown,
        )
        if (error instanceof Error) expect(error).toBeInstanceOf(RootstockError)
      },
    )
    await fc.assert(property, { seed: 1, numRuns: 300 })
  })
})

describe('a variable', () => {
  const wrong: readonly (readonly [variables: Readonly<Record<string, string>>, says: RegExp])[] = [
    [{ ROOTSTOCK_TRAIN_EPOCH: '3' }, /Unknown variable "ROOTSTOCK_TRAIN_EPOCH"\. Did you mean "ROOTSTOCK_TRAIN_EPOCHS"/],
    [{ ROOTSTOCK_TRAIN_EPOCHS: 'x' }, /Invalid value "x" of ROOTSTOCK_TRAIN_EPOCHS/],
    [{ ROOTSTOCK_TRAIN_RESUME: 'maybe' }, /Invalid value "maybe" of ROOTSTOCK_TRAIN_RESUME: expected 1 or 0/],
  ]
  it.each(wrong)('%j is refused', async (environment, says) => {
    const error: unknown = await settings('train', '', environment).catch((thrown: unknown) => thrown)
    const { message, hint } = error as RootstockError
    expect(`${message}. ${hint ?? ''}`).toMatch(says)
  })
})

describe('the schema', () => {
  it('that the package ships is that of the flags', async () => {
    await expect(`${JSON.stringify(configSchema(commands), undefined, 2)}\n`).toMatchFileSnapshot('../../schema/config.schema.json')
  })

  it('takes numbers where a flag that may stand several times has them, as the file does', async () => {
    const { properties } = configSchema(commands) as { properties: Record<string, { properties: Record<string, { anyOf: unknown }> }> }
    const [one, many] = [{ type: ['string', 'number'] }, { type: 'array', items: { type: ['string', 'number'] } }]
    expect(properties['advise']?.properties['alpha']?.anyOf).toEqual([one, many])
    expect(properties['prepare']?.properties['labels']?.anyOf).toEqual([{ type: 'string' }, { type: 'array', items: { type: 'string' } }])
    expect(await settings('advise', 'advise: { alpha: [0.25, 0.5] }')).toEqual({ alpha: [0.25, 0.5] })
  })

  it('has every flag of every command under both spellings', () => {
    const { properties } = configSchema(commands) as { properties: Record<string, unknown> }
    for (const { name, flags } of settableCommands(commands)) {
      const own = JSON.stringify(properties[name])
      for (const key of Object.keys(flags)) for (const spelling of [key, kebab(key)]) expect(own, name).toContain(`"${spelling}":`)
    }
  })
})
