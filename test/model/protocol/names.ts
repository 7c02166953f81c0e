import type { Model } from '../model';
import type { Server, World } from '../state';

/** For the traces: the process, and the server if there are two. */
export const nameOf = ({ scenario }: Model, index: number): string => scenario.roles[index]!.name;
export const at = (world: World, server: number): string =>
  world.servers.length === 1 ? '' : ` at ${server === 0 ? 'Redis one' : 'Redis two'}`;
export const revocationName = (revocation: number): string => `revocation ${revocation + 1}`;

export const followerName = ({ scenario }: Model, follower: number): string =>
  scenario.followers![follower]!.name;

/** The servers that a process may be connected to, including old primaries. */
export function knownServers(world: World): [number, Server][] {
  const known: [number, Server][] = [];
  for (const [number, server] of world.servers.entries()) if (server.known) known.push([number, server]);
  return known;
}
