import { randomUUID } from 'node:crypto';
import { LAST_VERSION } from '../core/claims';
import { serviceUnavailable } from '../core/errors';
import type { Records } from '../core/ports/records';
import type { RedisConnection } from './client';
import { MERGE } from './effect';
import { EVERYONE, type Keys } from './keys';
import { defineScript, onlyInEpoch, type Script } from './script';

/** ms for which a record is kept. It only bounds the memory: a missing record is filled from Postgres. */
const RECORD_TTL = 10 * 60_000;

/** ms within which a ticket must be used. It is longer than any answer of Postgres may take. */
const TICKET_TTL = 15_000;

// A record is a hash: `v` is the version, `t` the clock of Postgres when it was read there, and `d:<id>` marks a denied
// id.
//
// KEYS: epoch, the user's record and ticket, everyone's record and ticket. ARGV: id, jti, sid, kid, new ticket, ms.
// For a missing record it leaves a ticket, which proves to `fill` that nothing was published in between.
const read = defineScript(`${onlyInEpoch()}
  local user = redis.call('HMGET', KEYS[2], 'v', 'd:' .. ARGV[2], 'd:' .. ARGV[3], 't')
  local all = redis.call('HMGET', KEYS[4], 'v', 'd:' .. ARGV[4], 't')
  if user[1] and all[1] then
    return {'RECORD', user[1], all[1], (user[2] or user[3]) and 1 or 0, all[2] and 1 or 0, user[4] or '0', all[3] or '0'}
  end
  local function ticket(key)
    local there = redis.call('GET', key)
    if there then return there end
    redis.call('SET', key, ARGV[5], 'PX', ARGV[6])
    return ARGV[5]
  end
  return {'TICKET', user[1] and '' or ticket(KEYS[3]), all[1] and '' or ticket(KEYS[5])}`);

// KEYS: epoch, record, ticket. ARGV: id, ticket, ms, the clock of Postgres, version, denied ids. Only this script
// creates records.
const fill = defineScript(`${onlyInEpoch()}
  ${MERGE}
  if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 'VOID' end
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[2], 't', ARGV[4])
  merge(KEYS[2], 5, #ARGV)
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return 'OK'`);

interface Tickets {
  readonly epochId: string;
  readonly user: string;
  readonly everyone: string;
}

/** Creates the records in Redis: per user the newest version and the denied ids, and one record for everyone. */
export function createRecords(connection: RedisConnection, keys: Keys): Records {
  const run = (script: Script, epochId: string, subjects: string[], args: (string | number)[]) => {
    const names = subjects.flatMap((subject) => keys.recordAndTicket(epochId, subject));
    return connection.run((client) => script(client, [keys.epoch, ...names], [epochId, ...args]));
  };

  return {
    async read(epochId, { claims, keyId }) {
      const reply = await run(
        read,
        epochId,
        [claims.sub, EVERYONE],
        [claims.jti, claims.sid, keyId, randomUUID(), TICKET_TTL],
      );
      if (reply === 'STALE') {
        // This may also be another server than the epoch's.
        connection.renew();
        throw serviceUnavailable(new Error('Redis has lost its data'));
      }
      const [what, first, second, denied, keyDenied, ...times] = reply as [
        ...[string, string, string, number, number],
        ...string[],
      ];
      if (what === 'RECORD') {
        return {
          found: true,
          known: {
            from: 'copy',
            tokenVersion: Number(first),
            globalVersion: Number(second),
            // Anything but a plain 0 counts as denied.
            denied: denied !== 0,
            keyDenied: keyDenied !== 0,
            asOf: Math.max(...times.map(Number)),
          },
        };
      }
      return { found: false, ticket: { epochId, user: first, everyone: second } satisfies Tickets };
    },

    async fill(ticket, userId, truth) {
      const { epochId, user, everyone } = ticket as Tickets;
      const fillOne = (subject: string, held: string, version: number, denied: readonly string[]) =>
        run(fill, epochId, [subject], [held, RECORD_TTL, truth.asOf, version, ...denied]);
      await Promise.all([
        // A disabled user gets no record: it could call a token good.
        user !== '' &&
          !truth.disabled &&
          fillOne(userId, user, truth.tokenVersion ?? LAST_VERSION, [
            ...truth.deniedTokens,
            ...truth.deniedSessions,
          ]),
        everyone !== '' && fillOne(EVERYONE, everyone, truth.globalVersion, truth.deniedKeys),
      ]);
    },
  };
}
