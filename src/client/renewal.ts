import type { Api } from './api.js';
import type { SessionError } from './errors.js';
import { createExchange, type Exchange, type ExchangeOptions, PATIENCE } from './exchange.js';
import { createSchedule, type Schedule } from './schedule.js';
import type { EndReason, SessionUser } from './state.js';

export interface RenewalOptions<User extends SessionUser> extends Omit<
  ExchangeOptions<User>,
  'renew' | 'onLead'
> {
  readonly api: Api<User>;
}

export type Renewal<User extends SessionUser> = ReturnType<typeof createRenewal<User>>;

/** The codes of a refresh after the session has ended. Every other fault says nothing about the session. */
const ENDS: Readonly<Record<string, EndReason>> = {
  REFRESH_TOKEN_INVALID: 'ended',
  REFRESH_TOKEN_REUSED: 'reused',
};

/** Keeps the access token good. One tab refreshes for all. */
export function createRenewal<User extends SessionUser>(options: RenewalOptions<User>) {
  const { state, api, clock, platform } = options;
  let opened: (Exchange<User> & { readonly schedule: Schedule }) | undefined;
  let latest: Promise<void> | undefined;
  let isRunning = false;

  /** Meets the other tabs, and finds out who is signed in. */
  function start() {
    if (opened) return opened;
    const renewInBackground = (stale?: string) => void renew(stale).catch(() => undefined);
    const exchange = createExchange({ ...options, renew: renewInBackground, onLead: () => schedule.plan() });
    const schedule = createSchedule({
      ...{ state, clock, page: platform.page, renew: renewInBackground },
      // The leading tab has told the new token by then.
      extra: () => (exchange.tabs.leads() ? 0 : PATIENCE),
    });
    opened = { ...exchange, schedule };
    renewInBackground();
    return opened;
  }

  /** Refreshes in this tab. No other may at the same time. */
  async function refresh(stale = state.held()?.accessToken): Promise<void> {
    if (state.hasOtherThan(stale)) return;
    const { begin, end } = start();
    try {
      begin(await api.grant('refresh'));
    } catch (error) {
      const reason = ENDS[(error as SessionError).code];
      if (!reason) throw error;
      end(reason);
    }
  }

  async function attempt(stale: string | undefined): Promise<void> {
    const { tabs, ask, fail } = start();
    if (!tabs.leads()) await ask(stale);
    if (!tabs.leads()) return;
    try {
      await tabs.exclusively(() => refresh(stale));
    } catch (error) {
      throw fail(error);
    }
  }

  /** Gets a token other than this, or learns that the session has ended. One renewal serves all who ask meanwhile. */
  function renew(stale = state.held()?.accessToken): Promise<void> {
    if (isRunning && latest) return latest;
    isRunning = true;
    return (latest = attempt(stale).finally(() => (isRunning = false)));
  }

  return {
    start,
    renew,
    refresh,
    /** Waits until it is known who is signed in, and until the token is good. Throws why that cannot be. */
    async ready(): Promise<void> {
      const { schedule } = start();
      if (state.snapshot().status === 'restoring' || (state.held() && state.left() <= 0)) await renew();
      else schedule.check();
    },
    /** Returns the renewal that began last, even if it has ended. */
    latest: () => latest,
    stop: () => {
      opened?.schedule.stop();
      opened?.tabs.close();
    },
  };
}
