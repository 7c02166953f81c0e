import type { Env } from '../config/env';

/** ms between two checks. */
const INTERVAL = 500;

/** Whether npm's script deliberately starts the server in the background, with a single `&`. */
const isInBackground = (script: string) => /(?<!&)&(?!&)/.test(script);

/**
 * Calls back once when the shell between npm and this process has ended. npm sends SIGTERM only to that shell, which
 * ends and leaves the server running, with its port and its folder: https://github.com/npm/cli/issues/5776
 *
 * Does nothing in a process that npm or npx did not start.
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
