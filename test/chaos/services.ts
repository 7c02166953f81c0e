import type { ChildProcess } from 'node:child_process';
import { type Proxy, startProxy } from '../support/proxy';
import { freePort } from '../support/servers';
import type { Checker, FleetNode } from './fleet';
import { type Checks, PROGRAMS } from './programs';

/** A service that follows a node, through all its lives. */
export interface Service extends Checker {
  /** The node that its wire leads to while nothing is wrong. */
  readonly home: FleetNode;
  /** Its only way to the nodes: it follows, reads keys and introspects over it. */
  readonly wire: Proxy;
  /** How many checks each source has answered, over all its lives. */
  readonly checks: ReadonlyMap<string, number>;
  signal(name: NodeJS.Signals): void;
  /** Ends it with this signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** What its guard says of itself. */
  status(): Promise<{ readonly view: string }>;
}

export interface ServiceOptions {
  readonly name: string;
  /** Default: a service of one's own. */
  readonly program?: keyof typeof PROGRAMS;
  readonly home: FleetNode;
  readonly issuer: string;
  readonly secret: string;
  /** Returns the address from which it connects next. */
  readonly address: () => string;
}

/** The characters kept from its log. */
const LOG_KEPT = 20_000;

// If a test fails before it ends its service, or the run is ended.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function createService({
  name,
  program: kind = 'own',
  home,
  issuer,
  secret,
  address,
}: ServiceOptions): Promise<Service> {
  const wire = await startProxy(home.url, address);
  // The same port over all its lives, so that clients try it while it is down.
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const checks = new Map<string, number>();
  const program = PROGRAMS[kind];
  const told = { port, issuer, secret, server: wire.url.replace(/\/$/, '') };
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let log = '';
  const keep = (text: string) => (log = (log + text).slice(-LOG_KEPT));

  const hear = (more: Checks) => {
    for (const [source, count] of Object.entries(more)) checks.set(source, (checks.get(source) ?? 0) + count);
  };
  const start = async () => {
    const started = program.spawn(told);
    child = started;
    running.add(started);
    for (const output of [started.stdout, started.stderr])
      output?.on('data', (text: Buffer) => keep(text.toString()));
    program.count(started, url, hear);
    ended = new Promise((resolve) =>
      started.once('exit', () => {
        running.delete(started);
        resolve();
      }),
    );
    await new Promise<void>((resolve, reject) => {
      void program.untilReady(started, url).then(resolve);
      void ended.then(() => reject(new Error(`The ${name} ended before it was ready:\n${log}`)));
    });
  };

  return {
    kind: 'service',
    asked: program.asked,
    name,
    url,
    home,
    wire,
    checks,
    signal: (signal) => void child?.kill(signal),
    async end(signal) {
      child?.kill(signal);
      await ended;
      keep(`--- ended by ${signal} ---\n`);
    },
    start,
    status: () => program.status(url),
    lastLines: (count) => log.trimEnd().split('\n').slice(-count),
  };
}
