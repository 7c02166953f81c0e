import type { Bearer, Sent } from './bearer.js';

/** Options for `createClient` of graphql-ws. */
export interface SocketOptions {
  readonly connectionParams: () => Promise<Record<string, unknown>>;
  readonly retryAttempts: number;
  readonly shouldRetry: (fault: unknown) => boolean;
  readonly on: { readonly opened: (socket: unknown) => void };
}

interface Socket {
  onclose: ((event: CloseEvent) => unknown) | null;
  close(code: number): void;
}

interface CloseEvent {
  readonly code: number;
  readonly reason: string;
}

/** The codes by which servers refuse a token. The second also ends the sockets of a session that has ended. */
const REFUSED = [4401, 4403];

/** After this code graphql-ws connects again at once. */
const AT_ONCE = 1000;

/** After this code graphql-ws waits a little before it connects again. */
const LATER = 4499;

/**
 * Makes options by which a client of graphql-ws connects with the token in use, and again with the next one: a server closes
 * a socket with its token. The subscriptions of a user end with the session.
 */
export function createSocketOptions(
  bearer: Bearer,
  subscribe: (listener: () => void) => () => void,
): SocketOptions {
  let sent: Sent | undefined;

  /** Decides what the client hears of a refusal: graphql-ws gives up after 4401. */
  async function judge(event: CloseEvent): Promise<CloseEvent> {
    try {
      const next = sent && (await bearer.replace(sent, event.reason));
      return next ? { code: AT_ONCE, reason: '' } : event;
    } catch {
      return { code: LATER, reason: '' };
    }
  }

  function watch(socket: Socket): void {
    sent = undefined;
    const tell = socket.onclose;
    const stop = subscribe(() => {
      if (sent && !bearer.isCurrent(sent)) socket.close(bearer.isSameUser(sent) ? AT_ONCE : 4403);
    });
    socket.onclose = async (event) => {
      stop();
      tell?.(REFUSED.includes(event.code) ? await judge(event) : event);
    };
  }

  return {
    async connectionParams() {
      sent = await bearer.token();
      return sent ? { authorization: `Bearer ${sent.accessToken}` } : {};
    },
    // As long as the session lives, and also after a fault of the network.
    retryAttempts: Infinity,
    shouldRetry: (fault) => !REFUSED.includes((fault as Partial<CloseEvent>).code ?? 0),
    on: { opened: (socket) => watch(socket as Socket) },
  };
}
