import { createSession, type EndReason, type Session, type SessionOptions } from '../../src/client/index';
import { FakeBrowser, FakeClock, type FakeTab } from './fake-browser';
import { API_URL, AUTH_URL, FakeServer } from './fake-server';

export interface Opened extends FakeTab {
  readonly session: Session;
  /** Why its session has ended, each time that it was told. */
  readonly ends: EndReason[];
  /** Asks the API who it sees: a user, the reason of a refusal, or the code of an error. */
  readonly ask: (query?: string) => Promise<string>;
}

/** A browser, its server, and a clock for both. */
export function createFakeWorld(has?: { readonly locks?: boolean }) {
  const clock = new FakeClock();
  const server = new FakeServer(clock);
  const browser = new FakeBrowser(has);
  const open = (options: Partial<SessionOptions> = {}): Opened => {
    const tab = browser.tab(clock);
    const ends: EndReason[] = [];
    const session = createSession({
      ...{ url: AUTH_URL, origins: [API_URL], fetch: server.fetch },
      ...{ clock: tab.clock, platform: tab.platform },
      onEnd: (reason) => void ends.push(reason),
      ...options,
    });
    const ask = async (query = '{ whoami }'): Promise<string> => {
      try {
        const response = await session.fetch(API_URL, { method: 'POST', body: JSON.stringify({ query }) });
        const { data, errors } = (await response.json()) as any;
        return errors?.[0].extensions.reason ?? data.whoami;
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    return { ...tab, session, ends, ask };
  };
  /** Opens a tab with a user signed in. */
  const openSignedIn = async (email = 'ada'): Promise<Opened> => {
    const opened = open();
    await opened.session.login({ email, password: 'right' });
    return opened;
  };
  return { clock, server, browser, open, openSignedIn };
}
