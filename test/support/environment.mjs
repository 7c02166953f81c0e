import { AsyncResource } from 'node:async_hooks';
import { createRequire } from 'node:module';
import performanceHooks from 'node:perf_hooks';
import vm from 'node:vm';
import { LegacyFakeTimers, ModernFakeTimers } from '@jest/fake-timers';
import { ModuleMocker } from 'jest-mock';

/** Where decorators write. Each file of tests loads our classes again, so it begins with nothing there. */
const DECORATED = [
  'TypeGraphQLMetadataStorage',
  'typeormMetadataArgsStorage',
  'classValidatorMetadataStorage',
];

/** The names of what jest keeps of a file of tests. Its listeners would hear of the next files too, and keep its code. */
const KEPT = new Set(['EVENT_HANDLERS', 'JEST_STATE_SYMBOL']);

/** Jest's own packages. They keep a state for each file of tests. */
const OF_JEST = /\/node_modules\/(?:@jest|jest[^/]*|expect|pretty-format)\//;

/** Stands for the context of the process, for which `node:vm` has no name. */
const CONTEXT = vm.createContext();

// Jest compiles every module by this function.
const { compileFunction } = vm;
vm.compileFunction = (code, names, options = {}) => {
  if (options.parsingContext !== CONTEXT) return compileFunction(code, names, options);
  const { filename } = options;
  const isShared = filename.includes('/node_modules/') && !OF_JEST.test(filename);
  return compileFunction(
    isShared ? `module.exports = loadPackage(${JSON.stringify(filename)})` : code,
    names,
    {
      ...options,
      parsingContext: undefined,
    },
  );
};
globalThis.loadPackage = createRequire(import.meta.url);

/** What jest replaces for each file of tests, by functions that keep the file's code. */
const { exit, getBuiltinModule } = process;

// Node keeps each histogram until the process ends, with the test that it was made in.
performanceHooks.monitorEventLoopDelay = AsyncResource.bind(performanceHooks.monitorEventLoopDelay);

// The support of each file listens for the end of the process, to kill what it started.
process.setMaxListeners(0);

/**
 * Runs the tests in the context of the process, and loads each package once a process. Jest's own environment loads all
 * of them again for each file, which takes longer than most tests do. In its context, what Node throws is no `Error`, so
 * code could pass a test and fail outside (https://github.com/jestjs/jest/issues/2549).
 */
export default class Environment {
  global = globalThis;
  moduleMocker = new ModuleMocker(globalThis);
  env = { ...process.env };

  constructor({ projectConfig: config }) {
    const { global, moduleMocker } = this;
    const timerConfig = { idToRef: (id) => id, refToId: (timer) => timer?.id };
    this.fakeTimers = new LegacyFakeTimers({ config, global, moduleMocker, timerConfig });
    this.fakeTimersModern = new ModernFakeTimers({ config, global });
    for (const name of DECORATED) Reflect.deleteProperty(globalThis, name);
  }

  getVmContext = () => CONTEXT;
  exportConditions = () => ['node', 'node-addons'];
  setup = () => Promise.resolve();

  teardown() {
    this.moduleMocker.restoreAllMocks();
    this.fakeTimers.dispose();
    this.fakeTimersModern.dispose();
    Object.assign(process, { exit, ...(getBuiltinModule && { getBuiltinModule }) });
    for (const symbol of Object.getOwnPropertySymbols(globalThis))
      if (KEPT.has(symbol.description)) Reflect.deleteProperty(globalThis, symbol);
    for (const name of Object.keys(process.env))
      if (!(name in this.env)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, this.env);
    return Promise.resolve();
  }
}
