import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/core/clock';
import { connect } from '../../src/server/database';
import { createTruth } from '../../src/postgres/truth';
import { createKeyRing } from '../../src/tokens/key-ring';
import { openRefreshKey } from '../../src/tokens/refresh-keys';
import { makeRefreshToken } from '../../src/tokens/refresh-token';
import { createSeal } from '../../src/tokens/sealing';
import { createSigner } from '../../src/tokens/sign';
import { SETTINGS } from './settings';

/** A user with one session. */
export interface Person {
  readonly userId: string;
  readonly sessionId: string;
  readonly salt: Buffer;
  readonly email: string;
}

/**
 * Makes accounts, each with a session, in a database that a node has prepared. It uses SQL, because hashing thousands
 * of passwords would take minutes.
 */
export async function makePeople(
  databaseUrl: string,
  count: number,
  passwordHash = 'none',
): Promise<Person[]> {
  const dataSource = await connect({ url: databaseUrl }, { statementTimeout: 0, poolSize: 1 });
  try {
    return await dataSource.query<Person[]>(
      `with people as (
         insert into users (email, email_key, password_hash, role)
         select name, name, $2, 'USER'
         from (select gen_random_uuid() || '@example.com' as name from generate_series(1, $1)) as names
         returning id, email
       )
       insert into sessions
         (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie, created_at, authenticated_at, last_used_at,
          idle_expires_at, expires_at, purge_on)
       select gen_random_uuid(), people.id, 1, fleet.global_version, now(),
         sha256(gen_random_uuid()::text::bytea), false, now(), now(), now(),
         now() + interval '1 day', now() + interval '1 day', current_date + 9
       from people, fleet
       returning user_id as "userId", id as "sessionId", salt,
         (select email from people where people.id = user_id) as email`,
      [count, passwordHash],
    );
  } finally {
    await dataSource.destroy();
  }
}

/**
 * Signs an access token for each user with the key of the database.
 *
 * @param age s since the issue of the tokens, which live for 15 minutes
 */
export async function signTokens(databaseUrl: string, people: readonly Person[], age = 0): Promise<string[]> {
  const dataSource = await connect({ url: databaseUrl }, { statementTimeout: 0, poolSize: 1 });
  try {
    const truth = createTruth(dataSource, { hasCopies: false, clockSkew: 0 });
    const seal = createSeal(SETTINGS.SECRET);
    const sign = createSigner(
      createKeyRing({ list: () => truth.signingKeys.list(), seal, maxAge: 60_000, clock: systemClock }),
    );
    const { signingKeyId, globalVersion } = await truth.fleet.lock();
    const iat = Math.floor(Date.now() / 1000) - age;
    const tokens: string[] = [];
    for (const { userId, sessionId } of people) {
      tokens.push(
        await sign(
          {
            iss: 'http://localhost:4000',
            sub: userId,
            aud: 'api',
            client_id: 'tokenfence',
            iat,
            exp: iat + 900,
            jti: randomUUID(),
            sid: sessionId,
            role: 'USER',
            tokenVersion: 1,
            globalVersion,
            auth_time: iat,
          },
          signingKeyId,
        ),
      );
    }
    return tokens;
  } finally {
    await dataSource.destroy();
  }
}

/** Makes the first refresh token of each session. */
export async function makeRefreshTokens(databaseUrl: string, people: readonly Person[]): Promise<string[]> {
  const dataSource = await connect({ url: databaseUrl }, { statementTimeout: 0, poolSize: 1 });
  try {
    const truth = createTruth(dataSource, { hasCopies: false, clockSkew: 0 });
    const [stored] = await truth.refreshKeys.list();
    if (!stored) throw new Error('The database has no refresh key.');
    const key = openRefreshKey(stored, createSeal(SETTINGS.SECRET));
    return people.map(({ sessionId, salt }) => makeRefreshToken(key, { sessionId, generation: 1, salt }));
  } finally {
    await dataSource.destroy();
  }
}
