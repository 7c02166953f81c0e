import { DEADLINE } from './api.js';
import type { Clock } from './clock.js';
import type { Platform } from './platform.js';

/** The tabs of this origin. One of them leads: it refreshes for all. */
export interface Tabs<Message> {
  readonly leads: () => boolean;
  /** Takes the lead from a tab that does not answer: it may be frozen. */
  takeLead(): void;
  post(message: Message): void;
  /** Runs something while no other tab does, because all share one cookie. */
  readonly exclusively: <T>(run: () => Promise<T>) => Promise<T>;
  close(): void;
}

export interface TabsOptions<Message> {
  /** The same in all tabs that share a session. */
  readonly name: string;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly onMessage: (message: Message) => void;
  /** Runs when this tab begins to lead. */
  readonly onLead: () => void;
}

/** ms after which a tab that has the cookie counts as frozen: it may wait for two answers */
const PATIENCE = 2 * DEADLINE;

const ignore = (): void => undefined;

/** Meets the other tabs. Where they cannot meet, each leads itself: the auth server allows for that. */
export function createTabs<Message>({
  name,
  platform: { locks, openChannel },
  clock,
  onMessage,
  onLead,
}: TabsOptions<Message>): Tabs<Message> {
  const channel = openChannel?.(name);
  if (channel) channel.onmessage = ({ data }) => onMessage(data as Message);

  let isClosed = false;
  let leads = !locks || !channel;
  let release: () => void = ignore;

  function hold() {
    if (isClosed) return undefined;
    leads = true;
    onLead();
    return new Promise<void>((resolve) => (release = resolve));
  }
  function wait(): void {
    locks?.request(`${name} lead`, {}, hold).catch(() => {
      if (isClosed) return;
      // Another tab has taken the lead. Where the browser refuses locks, there was none to take.
      leads = !leads;
      if (leads) onLead();
      else wait();
    });
  }
  if (!leads) wait();

  let turn: Promise<unknown> = Promise.resolve();
  return {
    leads: () => leads,
    takeLead() {
      // The request that waits goes on waiting, for the time after.
      locks?.request(`${name} lead`, { steal: true }, hold).catch(() => (leads = false));
    },
    post: (message) => channel?.postMessage(message),
    async exclusively(run) {
      if (!locks) {
        const result = turn.then(run);
        turn = result.catch(ignore);
        return result;
      }
      let hasBegun = false;
      const begin = () => {
        hasBegun = true;
        return run();
      };
      const cookie = `${name} cookie`;
      return locks.request(cookie, { signal: clock.timeout(PATIENCE) }, begin).catch((error: unknown) => {
        if (hasBegun) throw error;
        return locks.request(cookie, { steal: true }, run);
      });
    },
    close() {
      isClosed = true;
      release();
      channel?.close();
    },
  };
}
