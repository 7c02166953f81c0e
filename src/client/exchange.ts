import type { Clock } from './clock.js';
import { type ErrorDetails, SessionError, unreachable } from './errors.js';
import type { Platform } from './platform.js';
import type { EndReason, Grant, SessionUser, State } from './state.js';
import { createTabs, type Tabs } from './tabs.js';

/**
 * What tabs tell each other, by a BroadcastChannel. Only pages of one origin hear it. Each of them could get an access token
 * by the cookie, so nobody is told a token who could not have it. It is stored nowhere.
 */
type Message<User extends SessionUser> =
  /** A tab needs another access token than this. The leading tab answers by one of the others. */
  | { readonly kind: 'need'; readonly stale: string | undefined; readonly sessionId: string | undefined }
  /** `sentAt` is the wall clock, which tabs share: a frozen tab hears this late. */
  | { readonly kind: 'grant'; readonly grant: Grant<User>; readonly sentAt: number }
  /** Without a session, the cookie holds none. */
  | { readonly kind: 'end'; readonly reason: EndReason; readonly sessionId: string | undefined }
  | { readonly kind: 'fault'; readonly fault: ErrorDetails & { readonly message: string } };

export interface ExchangeOptions<User extends SessionUser> {
  /** The same in all tabs that share a session. */
  readonly name: string;
  readonly state: State<User>;
  readonly platform: Platform;
  readonly clock: Clock;
  /** Gets a token other than this. */
  readonly renew: (stale: string | undefined) => void;
  /** Runs when this tab begins to lead. */
  readonly onLead: () => void;
}

/** Changes the state of this tab and of the others. */
export interface Exchange<User extends SessionUser> {
  readonly tabs: Pick<Tabs<unknown>, 'leads' | 'exclusively' | 'close'>;
  readonly begin: (grant: Grant<User>) => void;
  readonly end: (reason: EndReason) => void;
  readonly fail: (error: unknown) => SessionError;
  /** Asks the leading tab, until it has told the outcome or this tab leads. Throws the leading tab's fault. */
  readonly ask: (stale: string | undefined) => Promise<void>;
}

/** ms without an answer after which the leading tab counts as frozen */
export const PATIENCE = 5_000;

export function createExchange<User extends SessionUser>(options: ExchangeOptions<User>): Exchange<User> {
  const { state, clock } = options;
  /** Hears that this tab leads, or what another has told. */
  let hear: ((fault?: SessionError) => void) | undefined;

  const tabs = createTabs<Message<User>>({
    ...options,
    onMessage: receive,
    onLead() {
      options.onLead();
      hear?.();
    },
  });
  const tell = (grant: Grant<User>) => tabs.post({ kind: 'grant', grant, sentAt: clock.now() });

  function receive(message: Message<User>): void {
    const held = state.held();
    let fault: SessionError | undefined;
    if (message.kind === 'need') {
      // The end of a session was told already. The outcome of a renewal is told to all.
      if (!tabs.leads() || state.hasEnded(message.sessionId)) return;
      if (held && state.hasOtherThan(message.stale)) tell({ ...held, lifetime: state.left() });
      else options.renew(message.stale);
    } else if (message.kind === 'grant') {
      const { grant, sentAt } = message;
      state.begin({ ...grant, lifetime: grant.lifetime - Math.max(0, clock.now() - sentAt) });
    } else if (message.kind === 'end') {
      if (!message.sessionId || message.sessionId === held?.sessionId) state.end(message.reason);
    } else state.fail((fault = new SessionError(message.fault.message, message.fault)));
    hear?.(fault);
  }

  return {
    tabs,
    begin(grant) {
      state.begin(grant);
      tell(grant);
    },
    end(reason) {
      tabs.post({ kind: 'end', reason, sessionId: state.held()?.sessionId });
      state.end(reason);
    },
    fail(error) {
      const fault = error instanceof SessionError ? error : unreachable(error);
      state.fail(fault);
      // A copy of the error itself would lose its code.
      tabs.post({ kind: 'fault', fault: { ...(fault as ErrorDetails), message: fault.message } });
      return fault;
    },
    ask: (stale) =>
      new Promise((resolve, reject) => {
        const timer = clock.setTimeout(() => tabs.takeLead(), PATIENCE);
        hear = (fault) => {
          const isOver = state.snapshot().status === 'signedOut' || state.hasOtherThan(stale);
          if (!fault && !isOver && !tabs.leads()) return;
          clock.clearTimeout(timer);
          hear = undefined;
          if (fault) reject(fault);
          else resolve();
        };
        tabs.post({ kind: 'need', stale, sessionId: state.held()?.sessionId });
      }),
  };
}
