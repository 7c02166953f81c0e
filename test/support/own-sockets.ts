import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Actions } from '../../src/actions/actions';
import type { NewAuditEvent } from '../../src/core/account';
import { systemClock } from '../../src/core/clock';
import { composable, executable } from '../../src/graphql/compose';
import { createDocuments } from '../../src/graphql/documents';
import { createPresenter } from '../../src/graphql/errors';
import { createSchema } from '../../src/graphql/schema';
import type { CloseCause } from '../../src/subscriptions/closing';
import { createSockets, type Sockets, type SocketsOptions } from '../../src/subscriptions/sockets';

/** The sockets of an auth server, on a server without anything else. */
export interface OwnSockets {
  readonly url: string;
  readonly sockets: Sockets;
  /** The server's ends. */
  readonly accepted: readonly WebSocket[];
  /** Why sockets were closed. */
  readonly closed: readonly CloseCause[];
  /** Messages of logged errors. */
  readonly errors: readonly string[];
  readonly refusals: readonly NewAuditEvent[];
  close(): Promise<unknown>;
}

export async function startOwnSockets(
  options: Pick<SocketsOptions, 'guard' | 'announcements'> & Partial<SocketsOptions>,
): Promise<OwnSockets> {
  const accepted: WebSocket[] = [];
  const closed: CloseCause[] = [];
  const errors: string[] = [];
  const refusals: NewAuditEvent[] = [];
  const silent = () => undefined;
  const logger: SocketsOptions['logger'] = {
    debug: silent,
    info: silent,
    warn: silent,
    error: (_details, message) => void errors.push(message),
  };
  const schema = executable(composable(createSchema({} as Actions), createPresenter({ logger })));
  const sockets = createSockets({
    schema,
    production: false,
    documents: createDocuments({ schema, production: false }),
    recordRefusal: (event) => void refusals.push(event),
    clock: systemClock,
    clockSkew: 0,
    logger,
    metrics: { socketOpened: silent, socketClosed: (cause) => void closed.push(cause as CloseCause) },
    ...options,
  });
  const server = createServer();
  const upgrades = new WebSocketServer({ ...sockets.serverOptions, noServer: true });
  server.on('upgrade', (request, connection, head) =>
    upgrades.handleUpgrade(request, connection, head, (socket) => {
      accepted.push(socket);
      sockets.accept(socket, 'an-id', { ipAddress: '127.0.0.1', userAgent: undefined });
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    accepted,
    closed,
    errors,
    refusals,
    async close() {
      await sockets.stop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
