import { Client } from 'pg';

/** The parts of a session that its tokens need. */
export interface FilledSession {
  readonly sessionId: string;
  readonly salt: Buffer;
}

export interface FilledUser {
  readonly userId: string;
  readonly email: string;
  /** Three of them. */
  readonly sessions: readonly FilledSession[];
}

const SESSIONS_EACH = 3;

// As many prefixes begin with each digit as users do, so that a search finds very many.
const USERS = `insert into users (email, email_key, password_hash, role, created_at)
  select name, name, $2, 'USER', now() - i * interval '10 seconds'
  from generate_series(1, $1) as i, lateral (select 'user' || lpad(i::text, 9, '0') || '@example.com' as name) as names`;

// One session of each user after the other, so that those of one user are not on one page.
const SESSIONS = `insert into sessions (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie,
    user_agent, ip_address, created_at, authenticated_at, last_used_at, idle_expires_at, expires_at, purge_on)
  select gen_random_uuid(), u.id, u.token_version, f.global_version, used_at, sha256(uuid_send(gen_random_uuid())), false,
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', '192.0.2.1', used_at - interval '10 days',
    used_at - interval '10 days', used_at, used_at + interval '14 days', used_at + interval '80 days', (used_at + interval '22 days')::date
  from users u, fleet f, lateral (select now() - random() * interval '10 days' as used_at where u.id is not null) as used
  where u.role = 'USER'`;

const EVENTS = `insert into audit_events (type, user_id, ip_address, created_at)
  select 'LOGIN_SUCCEEDED', id, '192.0.2.1', created_at from users where role = 'USER'`;

// They are made again after the rows, which is faster than with each row.
const INDEXES = `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition,
    c.conname as constraint, pg_get_constraintdef(c.oid) as "constraintDefinition"
  from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid
  where i.indrelid = 'sessions'::regclass`;

interface Index {
  readonly name: string;
  readonly definition: string;
  readonly constraint: string | null;
  readonly constraintDefinition: string | null;
}

async function connected<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Fills a database that a node has prepared with users. Each has three sessions and an event. */
export const fill = (databaseUrl: string, users: number, passwordHash: string): Promise<void> =>
  connected(databaseUrl, async (client) => {
    // Foreign keys are not checked in this role.
    await client.query(`set session_replication_role = replica; set synchronous_commit = off;
      set maintenance_work_mem = '512MB'`);
    await client.query(USERS, [users, passwordHash]);
    const { rows: indexes } = await client.query<Index>(INDEXES);
    for (const { name, constraint } of indexes)
      await client.query(
        constraint === null ? `drop index ${name}` : `alter table sessions drop constraint ${constraint}`,
      );
    for (let i = 0; i < SESSIONS_EACH; i++) await client.query(SESSIONS);
    for (const { definition, constraint, constraintDefinition } of indexes)
      await client.query(
        constraint === null
          ? definition
          : `alter table sessions add constraint ${constraint} ${constraintDefinition}`,
      );
    await client.query(EVENTS);
    await client.query('vacuum (analyze) users, sessions, audit_events');
    await client.query('checkpoint');
  });

/** Picks users by chance. */
export const pickUsers = (databaseUrl: string, count: number): Promise<FilledUser[]> =>
  connected(databaseUrl, async (client) => {
    const { rows } = await client.query<FilledSession & { userId: string; email: string }>(
      `select u.id as "userId", u.email, s.id as "sessionId", s.salt
       from (select * from users where role = 'USER' order by random() limit $1) as u
       join sessions s on s.user_id = u.id`,
      [count],
    );
    const users = new Map<string, FilledUser & { sessions: FilledSession[] }>();
    for (const { userId, email, sessionId, salt } of rows) {
      const user = users.get(userId) ?? { userId, email, sessions: [] };
      user.sessions.push({ sessionId, salt });
      users.set(userId, user);
    }
    return [...users.values()];
  });

/** Adds sessions that a purge deletes. */
export const addSpentSessions = (databaseUrl: string, count: number): Promise<void> =>
  connected(databaseUrl, async (client) => {
    await client.query(
      `insert into sessions (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie, created_at,
         authenticated_at, last_used_at, idle_expires_at, expires_at, purge_on)
       select gen_random_uuid(), u.id, 1, 1, now(), '', false, now(), now(), now(), now(), now(), current_date - 1
       from (select id from users where role = 'USER' limit 1) as u, generate_series(1, $1)`,
      [count],
    );
  });

/** Makes all sessions live again that `forceLogoutAll` ended. */
export const reviveSessions = (databaseUrl: string, globalVersion: number): Promise<void> =>
  connected(databaseUrl, async (client) => {
    await client.query('update fleet set global_version = $1', [globalVersion]);
  });
