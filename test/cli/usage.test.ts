/** @file Arguments: what help says, and how wrong ones are refused. */
import { describe, expect, it } from 'vitest'
import { expectRefusal, rootstock, rootstockJson } from './rootstock.cases.ts'

const commands = [
  'prepare',
  'train',
  'advise',
  'find-rate',
  'predict',
  'evaluate',
  'export',
  'doctor',
  'summary',
  'weights',
  'demo',
  'plot',
  'diagram',
  'augment-preview',
  'cache',
  'config',
  'completion',
]

const wrong: readonly { readonly argv: readonly string[]; readonly says: RegExp }[] = [
  { argv: ['--quiet'], says: /Missing command: expected one of prepare, train, .* See: rootstock --help/ },
  { argv: ['trian'], says: /Unknown command "trian"\. Did you mean "train"\?/ },
  { argv: ['--verion'], says: /Unknown flag "--verion"\. Did you mean "--version"/ },
  { argv: ['train'], says: /Missing FOLDER of train: expected a folder/ },
  { argv: ['predict', 'mobilenet'], says: /Missing IMAGE of predict: expected photos/ },
  { argv: ['train', ''], says: /Invalid FOLDER of train: found an empty text "", expected a name\. See: rootstock train --help/ },
  { argv: ['export', 'mobilenet', ''], says: /Invalid OUT of export: found an empty text/ },
  { argv: ['predict', 'mobilenet', 'a.jpg', 'b.jpg', ''], says: /Invalid IMAGE of predict: found an empty text/ },
  { argv: ['train', 'a', 'b'], says: /more words than train takes, expected FOLDER/ },
  { argv: ['train', 'a', '--epoch', '3'], says: /Unknown flag "--epoch"\. Did you mean "--epochs"\?/ },
  { argv: ['train', 'a', '--bogusflag', '3'], says: /Unknown flag "--bogusflag"\. Valid: --network, .* and \d+ more$/m },
  { argv: ['train', 'a', '--batchsize=3'], says: /Unknown flag "--batchsize"\. Did you mean "--batch-size"\?/ },
  { argv: ['train', 'a', '--epochs'], says: /found --epochs without a value/ },
  { argv: ['train', 'a', '--epochs', '1.5'], says: /Invalid value "1\.5" of --epochs: expected a whole number from 1/ },
  { argv: ['train', 'a', '--learning-rate', '-1'], says: /Invalid value "-1" of --learning-rate: expected a number above 0/ },
  { argv: ['train', 'a', '--layer-decay', '2'], says: /Invalid value "2" of --layer-decay: expected a number above 0, up to 1/ },
  { argv: ['train', 'a', '--head', 'big'], says: /Invalid value "big" of --head: expected a whole number from 1 or "none"/ },
  { argv: ['train', 'a', '--test', '1'], says: /Invalid value "1" of --test: expected a number from 0 to less than 1/ },
  { argv: ['predict', 'mobilenet', 'a.jpg', '--resize', 'biliner'], says: /Unknown value "biliner" of --resize.*Did you mean "bilinear"/ },
  { argv: ['prepare', 'a', 'b', '--labels', 'cat,,dog'], says: /Invalid value "cat,,dog" of --labels/ },
  { argv: ['--epochs', '3', 'train', 'a'], says: /found --epochs before train, expected it behind/ },
  {
    argv: ['train', 'a', '--no-plots=false'],
    says: /found a value in --no-plots=false, expected none: it is a switch\. Write --no-plots alone/,
  },
  { argv: ['train', 'a', '--json=1'], says: /found a value in --json=1, expected none/ },
  { argv: ['--json=1', 'train', 'a'], says: /found a value in --json=1, expected none/ },
  { argv: ['--epochs=3', 'train', 'a'], says: /found --epochs before train, expected it behind/ },
  { argv: ['predict', 'a', '-q x.jpg'], says: /found -q x\.jpg, which is no flag; .* Write: rootstock predict … '\.\/-q x\.jpg'/ },
  { argv: ['predict', 'a', '--x.jpg'], says: /found --x\.jpg, which is no flag/ },
  { argv: ['predict', 'a', '-alpha', '1'], says: /Unknown flag "-alpha"\. Did you mean "--alpha"\?/ },
  { argv: ['predict', 'a', '--strange=a.h5', 'b'], says: /Unknown flag "--strange"\. Valid/ },
  { argv: ['trian', '--help'], says: /Unknown command "trian"\. Did you mean "train"/ },
  { argv: ['--config', 'a.yaml', 'trian', '-h'], says: /Unknown command "trian"\. Did you mean "train"/ },
  { argv: ['evaluate', 'train', '--labls', 'x'], says: /Unknown flag "--labls"\. Did you mean "--labels"/ },
  { argv: ['help', 'trian'], says: /Unknown command "trian"\. Did you mean "train"/ },
  { argv: ['config'], says: /Missing COMMAND of config/ },
  { argv: ['config', 'trian'], says: /Unknown command "trian"\. Did you mean "train"/ },
  { argv: ['config', '--config', 'a.yaml', 'trian', '--epochs', '3'], says: /Unknown command "trian"\. Did you mean "train"/ },
  { argv: ['config', 'train', '--epoch', '3'], says: /Unknown flag "--epoch"\. Did you mean "--epochs"/ },
  { argv: ['predict', 'mobilnet', 'a.jpg'], says: /Unknown network or run folder "mobilnet"\. Did you mean "mobilenet"/ },
  { argv: ['weights', 'a.h5', '--alpha', '0.25'], says: /Cannot use --alpha without --network: .*leave --alpha out/ },
  { argv: ['weights', 'a.h5', '--no-top'], says: /Cannot use --no-top without --network/ },
  { argv: ['summary', 'mobilenet', '--size', '5'], says: /\[5,5,3\], expected a height and width of at least 32/ },
  { argv: ['summary', 'vgg16', '--alpha', '0.5'], says: /Invalid argument alpha of vgg16.*Only mobilenet has it/ },
]

describe.concurrent('arguments', () => {
  it.each(wrong)('$argv ends in one line and exit code 2', async ({ argv, says }) => {
    const result = await rootstock(argv)
    expectRefusal(result, { code: 2, says })
    expect(result.stdout).toBe('')
  })

  it('a wrong flag with --json also prints the error as an object', async () => {
    const { code, json, stderr } = await rootstockJson(['train', 'a', '--epochs', 'x'])
    expect(code).toBe(2)
    expect(json).toEqual({
      error: { code: 'USAGE', message: expect.stringContaining('"x" of --epochs') as string, hint: expect.any(String) as string },
    })
    expect(stderr).toMatch(/^rootstock: .*\n$/)
  })

  it('foreign text cannot steer the terminal', async () => {
    const result = await rootstock(['\u001b]0;title\u0007\ntrain'])
    expectRefusal(result, { code: 2, says: /Unknown command "\\u001b\]0;title\\u0007 train"/ })
  })

  it('ROOTSTOCK_DEBUG=1 adds the stack trace', async () => {
    const { code, stderr } = await rootstock(['trian'], { ROOTSTOCK_DEBUG: '1' })
    expect(code).toBe(2)
    expect(stderr).toMatch(/\n\s+at /)
  })
})

describe.concurrent('help', () => {
  it('--help names every command', async () => {
    const { code, stdout, stderr } = await rootstock(['--help'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
  })

  it.each(commands)('%s --help shows its flags, --json and an example', async (name) => {
    const { code, stdout } = await rootstock([name, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('--json')
    expect(stdout).toContain(`  rootstock ${name}`)
  })

  it('--version prints the version of package.json', async () => {
    const { default: about } = (await import('../../package.json', { with: { type: 'json' } })) as { default: { version: string } }
    const { code, stdout } = await rootstock(['--version'])
    expect(code).toBe(0)
    expect(stdout).toBe(`${about.version}\n`)
  })
})
