/** @type {import('jest').Config} */
module.exports = {
  roots: ['<rootDir>/test'],
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  testMatch: ['**/*.test.ts'],
  testSequencer: '<rootDir>/test/support/sequencer.mjs',
  // `import('./admin.js')` in src names the file that the compiler will write.
  moduleNameMapper: { '^(\\.\\.?/.+)\\.js$': '$1' },
  setupFiles: ['reflect-metadata', '<rootDir>/test/support/quick-hashes.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 120_000,
  // More than there are cores: many tests wait for a lease, a timeout or a process.
  maxWorkers: 4,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'commonjs' },
      },
    ],
  },
};
