import type { Channel, Clock, Locks, Page, Platform } from '../../src/client/index';

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock whose timers run only when a test moves it. */
export class FakeClock implements Clock {
  private wall = Date.parse('2026-05-01T12:00:00Z');
  private running = 0;
  private readonly timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  private ids = 0;

  now(): number {
    return this.wall;
  }
  monotonic(): number {
    return this.running;
  }
  setTimeout(run: () => void, delay: number): unknown {
    this.timers.set(++this.ids, { at: this.running + delay, run });
    return this.ids;
  }
  clearTimeout(timer: unknown): void {
    this.timers.delete(timer as number);
  }
  timeout(delay: number): AbortSignal {
    const controller = new AbortController();
    this.setTimeout(() => controller.abort(new DOMException('Too late', 'TimeoutError')), delay);
    return controller.signal;
  }

  /** Lets time pass. Runs each timer at its time. */
  async pass(ms: number): Promise<void> {
    const end = this.running + ms;
    await settle();
    for (;;) {
      const [next] = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      this.timers.delete(next[0]);
      this.set(Math.max(this.running, next[1].at));
      next[1].run();
      await settle();
    }
    this.set(end);
  }
  /** Lets the device sleep: the wall clock goes on, and nothing else. */
  sleep(ms: number): void {
    this.wall += ms;
  }
  /** Somebody sets the wall clock. */
  setBack(ms: number): void {
    this.wall -= ms;
  }
  private set(running: number): void {
    this.wall += running - this.running;
    this.running = running;
  }
}

interface Request {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Web Locks, for all tabs of one browser. */
export class FakeLocks {
  private readonly held = new Map<string, Request>();
  private readonly waiting = new Map<string, Request[]>();

  /** The locks as one tab sees them. A closed tab holds none and waits for none. */
  forTab(): Locks & { close(): void } {
    const own = new Set<Request>();
    const request: Locks['request'] = (name, { signal, steal = false }, run) =>
      new Promise<never>((resolve, reject) => {
        const entry: Request = { run, resolve: resolve as (value: unknown) => void, reject };
        own.add(entry);
        const queue = this.waiting.get(name) ?? [];
        this.waiting.set(name, queue);
        if (steal) {
          this.held.get(name)?.reject(new DOMException('Stolen', 'AbortError'));
          this.held.delete(name);
          queue.unshift(entry);
        } else queue.push(entry);
        signal?.addEventListener('abort', () => {
          if (!queue.includes(entry)) return;
          queue.splice(queue.indexOf(entry), 1);
          reject(signal.reason as Error);
        });
        void this.grant(name);
      });
    return {
      request,
      close: () => {
        for (const [name, queue] of this.waiting) {
          this.waiting.set(
            name,
            queue.filter((entry) => !own.has(entry)),
          );
          const holder = this.held.get(name);
          if (!holder || !own.has(holder)) continue;
          this.held.delete(name);
          void this.grant(name);
        }
      },
    };
  }

  private async grant(name: string): Promise<void> {
    await Promise.resolve();
    const entry = this.held.has(name) ? undefined : this.waiting.get(name)?.shift();
    if (!entry) return;
    this.held.set(name, entry);
    try {
      entry.resolve(await entry.run());
    } catch (error) {
      entry.reject(error);
    }
    if (this.held.get(name) !== entry) return;
    this.held.delete(name);
    void this.grant(name);
  }
}

export interface FakeTab {
  readonly platform: Platform;
  readonly clock: Clock;
  /** Dispatches an event of the page. */
  readonly dispatch: (type: string) => void;
  /** Lets no message reach the tab or leave it, and no timer run. It keeps its locks. */
  readonly freeze: () => void;
  /** Closes the tab. */
  readonly close: () => void;
}

/** A browser with tabs of one origin. */
export class FakeBrowser {
  private readonly channels = new Set<Channel & { readonly name: string; isFrozen: boolean }>();
  private readonly locks = new FakeLocks();
  /** Every message, as other scripts of the origin could hear it. */
  readonly messages: unknown[] = [];

  constructor(private readonly has: { readonly locks?: boolean } = {}) {}

  tab(clock: FakeClock): FakeTab {
    let isFrozen = false;
    const locks = this.locks.forTab();
    const listeners = new Map<string, Set<(event: { persisted?: boolean }) => void>>();
    const opened: (Channel & { readonly name: string; isFrozen: boolean })[] = [];
    const page: Page = {
      addEventListener: (type, listener) =>
        void listeners.set(type, (listeners.get(type) ?? new Set()).add(listener)),
      removeEventListener: (type, listener) => void listeners.get(type)?.delete(listener),
    };
    const openChannel = (name: string): Channel => {
      const channel = {
        ...{ name, isFrozen: false, onmessage: null },
        postMessage: (message: unknown) => {
          if (channel.isFrozen) return;
          const data: unknown = structuredClone(message);
          this.messages.push(data);
          for (const other of this.channels)
            if (other !== channel && other.name === name)
              setImmediate(() => {
                if (!other.isFrozen) other.onmessage?.({ data });
              });
        },
        close: () => void this.channels.delete(channel),
      } as Channel & { readonly name: string; isFrozen: boolean };
      this.channels.add(channel);
      opened.push(channel);
      return channel;
    };
    const freeze = () => {
      isFrozen = true;
      for (const channel of opened) channel.isFrozen = true;
    };
    return {
      clock: Object.assign(Object.create(clock) as FakeClock, {
        setTimeout: (run: () => void, delay: number) =>
          clock.setTimeout(() => {
            if (!isFrozen) run();
          }, delay),
      }),
      platform: { openChannel, page, ...(this.has.locks !== false && { locks }) },
      dispatch: (type) => {
        for (const listener of listeners.get(type) ?? []) listener({});
      },
      freeze,
      close: () => {
        freeze();
        locks.close();
      },
    };
  }
}
