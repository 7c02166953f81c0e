import { randomUUID } from 'node:crypto';
import type { Reachable, Publisher, Records } from '../core/ports/records';
import { LAST_VERSION } from '../core/claims';
import type { LoggedRevocation } from '../core/revocation';
import type { RedisConnection } from './client';
import { createEpoch, ONLY_IN_EPOCH } from './epoch';
import { EVERYONE, type Keys } from './keys';
import { defineScript } from './script';

/** ms that a record is kept. A missing one is filled again from Postgres, so this only bounds the memory. */
const RECORD_TTL = 10 * 60_000;

/** ms within which a ticket must be used: longer than any answer of Postgres may take. */
const TICKET_TTL = 15_000;

// A record is a hash: `v` is the version, and a field `d:<id>` for each denied id.
//
// KEYS: epoch, the user's record and ticket, everyone's record and ticket. ARGV: id, jti, sid, kid, new ticket, ms.
// Where a record is missing, a ticket is left for it: proof to `fill` that nothing was published in between.
const read = defineScript(`${ONLY_IN_EPOCH}
  local user = redis.call('HMGET', KEYS[2], 'v', 'd:' .. ARGV[2], 'd:' .. ARGV[3])
  local all = redis.call('HMGET', KEYS[4], 'v', 'd:' .. ARGV[4])
  if user[1] and all[1] then
    return {'RECORD', user[1], all[1], (user[2] or user[3]) and 1 or 0, all[2] and 1 or 0}
  end
  local function ticket(key)
    local there = redis.call('GET', key)
    if there then return there end
    redis.call('SET', key, ARGV[5], 'PX', ARGV[6])
    return ARGV[5]
  end
  return {'TICKET', user[1] and '' or ticket(KEYS[3]), all[1] and '' or ticket(KEYS[5])}`);

// Merging is the same for both writers: versions only grow, denied ids are only added.
// ARGV behind the script's own: the version (0 for none), then the denied ids.
const mergeFrom = (first: number) => `
  local version = tonumber(ARGV[${first}])
  local known = tonumber(redis.call('HGET', KEYS[2], 'v') or 0)
  if version > known then redis.call('HSET', KEYS[2], 'v', version) end
  for i = ${first + 1}, #ARGV do redis.call('HSET', KEYS[2], 'd:' .. ARGV[i], 1) end`;

// KEYS: epoch, record, ticket. ARGV: id, ticket, ms, version, denied ids. Only here does a record come into being.
const fill = defineScript(`${ONLY_IN_EPOCH}
  if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 'VOID' end
  redis.call('DEL', KEYS[3])
  ${mergeFrom(4)}
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return 'OK'`);

// KEYS: epoch, record, ticket. ARGV: id, version, denied ids. It must not make a record: what it knows is one fact, and
// a record claims to hold all of them. The ticket goes, as whoever holds it may have read Postgres before this.
const publish = defineScript(`${ONLY_IN_EPOCH}
  redis.call('DEL', KEYS[3])
  if redis.call('EXISTS', KEYS[2]) == 1 then
    ${mergeFrom(2)}
  end
  return 'OK'`);

// KEYS: epoch, the probe. ARGV: id, ms.
const write = defineScript(`${ONLY_IN_EPOCH}
  redis.call('SET', KEYS[2], 1, 'PX', ARGV[2])
  return 'OK'`);

interface Tickets {
  readonly epochId: string;
  readonly user: string;
  readonly everyone: string;
}

/** The subject, version and denied ids that a revocation adds to a record. */
function effectOf(entry: LoggedRevocation): { subject: string; version: number; denied: string[] } {
  switch (entry.kind) {
    case 'TOKEN':
      return { subject: entry.userId, version: 0, denied: [entry.tokenId] };
    case 'SESSION':
      return { subject: entry.userId, version: 0, denied: [entry.sessionId] };
    case 'USER':
      return { subject: entry.userId, version: entry.tokenVersion, denied: [] };
    case 'EVERYONE':
      return { subject: EVERYONE, version: entry.globalVersion, denied: [] };
    case 'KEY':
      return { subject: EVERYONE, version: 0, denied: [entry.keyId] };
  }
}

/** The records in Redis: per user the newest version and the denied ids, and one record for everyone. */
export function createRecords(connection: RedisConnection, keys: Keys): Records & Publisher & Reachable {
  const epoch = createEpoch(connection, keys);
  const namesFor = (subject: string) => (id: string) => [keys.record(id, subject), keys.ticket(id, subject)];

  return {
    async read({ claims, keyId }) {
      const { id, reply } = await epoch.run(
        read,
        (epochId) => [...namesFor(claims.sub)(epochId), ...namesFor(EVERYONE)(epochId)],
        [claims.jti, claims.sid, keyId, randomUUID(), TICKET_TTL],
      );
      const [what, first, second, denied, keyDenied] = reply as [string, string, string, number, number];
      if (what === 'RECORD') {
        return {
          found: true,
          known: {
            from: 'copy',
            tokenVersion: Number(first),
            globalVersion: Number(second),
            denied: denied === 1,
            keyDenied: keyDenied === 1,
          },
        };
      }
      return { found: false, ticket: { epochId: id, user: first, everyone: second } satisfies Tickets };
    },

    async fill(ticket, userId, truth) {
      const { epochId, user, everyone } = ticket as Tickets;
      const fillOne = (subject: string, held: string, version: number, denied: string[]) =>
        epoch.runIn(epochId, fill, namesFor(subject), [held, RECORD_TTL, version, ...denied]);
      await Promise.all([
        // A disabled user has no good token, and no record that could call one good.
        user !== '' &&
          !truth.disabled &&
          fillOne(userId, user, truth.tokenVersion ?? LAST_VERSION, [
            ...truth.deniedTokens,
            ...truth.deniedSessions,
          ]),
        everyone !== '' && fillOne(EVERYONE, everyone, truth.globalVersion, [...truth.deniedKeys]),
      ]);
    },

    async publish(entries) {
      const publishOne = (entry: LoggedRevocation) => {
        const { subject, version, denied } = effectOf(entry);
        return epoch.run(publish, namesFor(subject), [version, ...denied]);
      };
      await Promise.all(entries.map(publishOne));
    },

    async ping() {
      await epoch.run(write, () => [keys.probe], [RECORD_TTL]);
    },
  };
}
