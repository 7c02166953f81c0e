import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { ROOT } from '../support/node-process';

/** What a service is told. */
export interface Told {
  readonly port: number;
  readonly issuer: string;
  readonly server: string;
  readonly secret: string;
}

export type Checks = Record<string, number>;

/** A program that checks tokens, and how it is asked about itself. */
export interface Program {
  /** Where its clients ask: at `/graphql` as a node, or at `/verify` as a proxy does. */
  readonly asked: 'graphql' | 'verify';
  spawn(told: Told): ChildProcess;
  /** Resolves when it listens. */
  untilReady(child: ChildProcess, url: string): Promise<void>;
  status(url: string): Promise<{ readonly view: string }>;
  /** Calls `hear` with the numbers of checks since the last call, by their source. */
  count(child: ChildProcess, url: string, hear: (checks: Checks) => void): void;
}

const read = async <T>(url: string) => (await (await fetch(url)).json()) as T;

/** A service of one's own, with the guard in it. */
const OWN: Program = {
  asked: 'graphql',
  spawn: ({ port, issuer, server, secret }) => {
    const guard = { issuer, audience: 'api', secret, server };
    const program = join(ROOT, 'test/chaos/service.mjs');
    return spawn(process.execPath, [program, JSON.stringify({ port, guard })], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  },
  untilReady: (child) => new Promise((resolve) => child.once('message', () => resolve())),
  status: (url) => read(`${url}/status`),
  count: (child, _url, hear) =>
    void child.on('message', (message) => {
      if (typeof message === 'object') hear(message as Checks);
    }),
};

/** ms between two reads of the counts of a guard. */
const COUNT_INTERVAL = 500;

const CHECKS = /^tokenfence_checks_total\{step="([^"]+)".*\} (\d+)$/gm;

function sumsOf(metrics: string): Checks {
  const sums: Checks = {};
  for (const [, source = '', count] of metrics.matchAll(CHECKS))
    sums[source] = (sums[source] ?? 0) + Number(count);
  return sums;
}

/** `tokenfence guard`, as beside a proxy. */
const GUARD: Program = {
  asked: 'verify',
  spawn: ({ port, issuer, server, secret }) =>
    spawn(process.execPath, [join(ROOT, 'dist/src/main.js'), 'guard'], {
      env: {
        PATH: process.env.PATH,
        PORT: `${port}`,
        ISSUER: issuer,
        SERVER_URL: server,
        INTROSPECTION_SECRET: secret,
        SHUTDOWN_DELAY: '0s',
        LOG_LEVEL: 'info',
      },
      // It logs to standard output, which is kept as the other's standard error.
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  untilReady: async (child, url) => {
    while (child.exitCode === null) {
      const answer = await fetch(`${url}/healthz`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(25);
    }
  },
  status: (url) => read(`${url}/readyz`),
  count: (child, url, hear) => {
    let known: Checks = {};
    const look = async () => {
      while (child.exitCode === null && child.signalCode === null) {
        await sleep(COUNT_INTERVAL);
        const text = await fetch(`${url}/metrics`).then(
          (answer) => answer.text(),
          () => undefined,
        );
        if (text === undefined) continue;
        const sums = sumsOf(text);
        hear(Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum - (known[name] ?? 0)])));
        known = sums;
      }
    };
    void look();
  },
};

export const PROGRAMS = { own: OWN, guard: GUARD } as const;
