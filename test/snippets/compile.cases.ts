/** @file Types and JavaScript of TypeScript snippets. */
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../sources.ts'
import type { Program } from './blocks.cases.ts'

/** What is wrong with the types of each program: page, line, message; checked against the sources of the package, all in one go. */
export function typeErrors(programs: readonly Program[]): string[] {
  const names = new Map(programs.map((program, i) => [join(root, 'test', 'snippets', `snippet-${i}.ts`), program]))
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
    paths: { rootstock: [join(root, 'src/index.ts')], 'rootstock/*': [join(root, 'src/*/index.ts')] },
  }
  const host = ts.createCompilerHost(options)
  const files = ts.createCompilerHost(options)
  // A snippet without imports is a module all the same: it may await.
  const textOf = (file: string): string | undefined => (names.has(file) ? `${names.get(file)!.code}\nexport {}` : undefined)
  host.readFile = (file) => textOf(file) ?? files.readFile(file)
  host.fileExists = (file) => names.has(file) || files.fileExists(file)
  host.getSourceFile = (file, target, ...rest) => {
    const text = textOf(file)
    return text === undefined ? files.getSourceFile(file, target, ...rest) : ts.createSourceFile(file, text, target)
  }
  const program = ts.createProgram([...names.keys()], options, host)
  return [...names].flatMap(([file, { page, line }]) => {
    const source = program.getSourceFile(file)
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map(({ messageText, start }) => {
      const at = source && start !== undefined ? source.getLineAndCharacterOfPosition(start).line : 0
      return `${page}:${line} (line ${at + 1} of the program): ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
  })
}

/** What a tutorial says and a test cannot afford: [on the page, in the test]. */
const SMALLER: readonly (readonly [RegExp, string])[] = [
  // The released file of InceptionV3 is told by its hash, so that nothing can stand in for it: its weights are random here.
  [/applications\.inceptionV3\(\)/g, 'applications.inceptionV3({ weights: null, inputShape: [96, 96, 3] })'],
  [/\[299, 299/g, '[96, 96'],
  [/applications\.inceptionV3\(\{( weights: 'imagenet',)?/g, 'applications.inceptionV3({ weights: null,'],
  [/train: 1000, validation: 500, test: 500/g, 'train: 6, validation: 2, test: 2'],
  [/epochs: 10,/g, 'epochs: 2,'],
  [/epochs: 11, initialEpoch: 10,/g, 'epochs: 3, initialEpoch: 2,'],
]

/** The program as JavaScript, in the size of a test. */
export function javaScriptOf({ code }: Program): string {
  const { outputText } = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
  return SMALLER.reduce((text, [found, instead]) => text.replace(found, instead), outputText)
}

/** What a page has and Node has not, for snippets of a browser: a picture, grey all over, and a canvas to read it from. */
export const BROWSER = `
globalThis.document = { querySelector: () => ({}) }
globalThis.OffscreenCanvas = class {
  getContext() {
    return { drawImage() {}, getImageData: (x, y, width, height) => ({ data: new Uint8ClampedArray(width * height * 4).fill(128) }) }
  }
}
`
