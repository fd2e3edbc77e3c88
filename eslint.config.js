import tseslint from 'typescript-eslint'

// Few rules, all of them errors. Sizes bind the tail of the distribution, not the median (CONTRIBUTING.md).
export default tseslint.config(
  {
    // kernels/ is AssemblyScript, whose compiler has rules of its own.
    ignores: ['dist', 'node_modules', 'docs/api', '.cache', 'src/**/generated', 'kernels', 'runs', 'demo-output'],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
      'max-depth': ['error', 4],
      'no-else-return': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['**/*.test.ts', '**/*.cases.ts', 'test/**', 'bench/**'], rules: { 'max-lines-per-function': 'off', 'max-lines': 'off' } },
  { files: ['eslint.config.js'], extends: [tseslint.configs.disableTypeChecked] },
)
