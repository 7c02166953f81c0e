import type { Socket } from 'node:net';
import { networkOf, siteOf } from '../core/address';
import type { SocketLimits } from './limits';

/** `NODE_FULL`: the node serves no more sockets. `NETWORK_FULL`: the client's network has its share of them. */
export type PlaceAnswer = 'TAKEN' | 'NODE_FULL' | 'NETWORK_FULL';

/** The places that a node has for connections with a WebSocket. */
export interface Places {
  /**
   * Takes a place for a connection, if one is free. The place is free again when the connection is closed.
   *
   * @param address of the client, as `parseAddress` answers it
   */
  take(connection: Socket, address: string): PlaceAnswer;
  /** How many networks and sites are counted: none without a connection. */
  readonly counted: number;
}

export function createPlaces(limits: Pick<SocketLimits, 'ofNode' | 'ofNetwork' | 'ofSite'>): Places {
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
      const network = `network ${networkOf(address)}`;
      const site = `site ${siteOf(address)}`;
      if (countOf(network) >= limits.ofNetwork || countOf(site) >= limits.ofSite) return 'NETWORK_FULL';
      if (taken >= limits.ofNode) return 'NODE_FULL';
      // Its event has been already, so nothing would give the place back. The upgrade fails by itself.
      if (connection.closed) return 'TAKEN';
      const change = (by: 1 | -1) => {
        taken += by;
        add(network, by);
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
