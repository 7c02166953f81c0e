import type { Socket } from 'node:net';
import { blockOf, siteOf } from '../core/address';
import type { SocketLimits } from './socket-limits';

/** `NODE_FULL`: the node serves as many sockets as it may. `ADDRESS_FULL`: the client's address or site has its share. */
export type PlaceAnswer = 'TAKEN' | 'NODE_FULL' | 'ADDRESS_FULL';

/** The places of a node for connections with a WebSocket. */
export interface Places {
  /**
   * Takes a place for a connection, if one is free. The place becomes free when the connection is closed.
   *
   * @param address of the client, as `parseAddress` returns it
   */
  take(connection: Socket, address: string): PlaceAnswer;
  /** How many addresses and sites have a count: none without a connection. */
  readonly counted: number;
}

export function createPlaces(limits: Pick<SocketLimits, 'ofNode' | 'ofAddress' | 'ofSite'>): Places {
  let taken = 0;
  const counts = new Map<string, number>();
  const countOf = (key: string) => counts.get(key) ?? 0;
  const add = (key: string, change: 1 | -1) => {
    const count = countOf(key) + change;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  };

  return {
    take(connection, address) {
      const block = `address ${blockOf(address)}`;
      const site = `site ${siteOf(address)}`;
      if (countOf(block) >= limits.ofAddress || countOf(site) >= limits.ofSite) return 'ADDRESS_FULL';
      if (taken >= limits.ofNode) return 'NODE_FULL';
      // Its `close` event is over, so nothing would free the place. The upgrade fails anyway.
      if (connection.closed) return 'TAKEN';
      const change = (by: 1 | -1) => {
        taken += by;
        add(block, by);
        add(site, by);
      };
      change(1);
      connection.once('close', () => change(-1));
      return 'TAKEN';
    },
    get counted() {
      return counts.size;
    },
  };
}
