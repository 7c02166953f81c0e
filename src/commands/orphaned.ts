import type { Env } from '../config/env';

/** ms between two looks. */
const INTERVAL = 500;

/** Whether the script of npm leaves the server to itself on purpose, by a single `&`. */
const isInBackground = (script: string) => /(?<!&)&(?!&)/.test(script);

/**
 * Calls back once when the shell between npm and this process has ended. npm hands SIGTERM on to that shell only, which
 * ends and leaves the server behind, with its port and its folder: https://github.com/npm/cli/issues/5776
 *
 * Does nothing for a process that npm or npx did not start.
 */
export function onOrphaned(env: Env, callback: () => void): void {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = env;
  if (event === undefined || isInBackground(script)) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, INTERVAL);
  timer.unref();
}
