import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Lets a process run on one core only, where the system has `taskset` and more than one core. Its threads follow. */
export function pin(pid: number | undefined, core: number): void {
  if (pid === undefined || core >= availableParallelism()) return;
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // Measured without it, then.
  }
}
