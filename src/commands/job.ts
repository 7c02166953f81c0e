import type { Env } from '../config/env';
import type { Terminal } from './terminal';

/** The exit codes of `tokenfence admin`. Scripts rely on them: see docs/admin.md. */
export const EXIT_CODES = {
  done: 0,
  /** Nothing was changed, unless the text says that this is unknown. */
  failed: 1,
  /** The words of the command are wrong, or it needs `--yes`. */
  usage: 2,
  /** Done, but not confirmed: a node may still accept a token that was ended. */
  unconfirmed: 3,
  unknownUser: 4,
  /** Done, but for what the text names. */
  partly: 5,
} as const;

/** The result of a command: the exit code and the text to show. */
export interface Outcome {
  readonly code: (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
  readonly text: string;
}

/** The work of a command whose arguments were checked. Never rejects. */
export type Job = (env: Env, terminal: Terminal) => Promise<Outcome>;

/** Loads the module of a job when the command is called: `--help` must work without the server's packages. */
export type LoadJob = () => Promise<Job>;

/** Loads a job, runs it, and ends the process with its outcome. */
export type RunJob = (load: LoadJob) => Promise<void>;
