import type { MigrationInterface, QueryRunner } from 'typeorm';
import { enterSchema } from '../src/postgres/tables';

/**
 * Ids are random, not counted: logical replication moves the rows, but not the counters of identity columns. Text that
 * is compared or indexed has the collation "C": any other may change with the operating system, and an index that was
 * built in the old order then misses rows.
 */
const SCHEMA = `
  create table users (
    id uuid not null default gen_random_uuid() constraint users_pkey primary key,
    email text not null,
    email_key text collate "C" not null constraint users_email_key_unique unique,
    email_verified boolean not null default false,
    pending boolean not null default false,
    -- Where the account was before its email was changed, while the change can be undone, and the version of the change.
    previous_email text,
    previous_email_key text collate "C",
    previous_email_until timestamptz,
    previous_email_version integer,
    password_hash text,
    role text collate "C" not null constraint users_role_formed check (role ~ '^[A-Z][A-Z0-9_]{0,31}$'),
    token_version integer not null default 1 constraint users_token_version_positive check (token_version >= 1),
    disabled_at timestamptz,
    created_at timestamptz(3) not null default now()
  );
  create index users_created_at_id on users (created_at, id);
  create index users_pending_created_at on users (created_at) where pending and password_hash is not null;
  create index users_role on users (role) where role not in ('USER', 'ADMIN');
  create index users_previous_email_key on users (previous_email_key) where previous_email_key is not null;

  -- A refresh changes no indexed column, except purge_on once a day. So Postgres updates the row in place, in the room
  -- that the fill factor leaves.
  create table sessions (
    id uuid not null constraint sessions_pkey primary key,
    user_id uuid not null constraint sessions_user_id_fkey references users (id) on delete cascade,
    token_version integer not null,
    global_version integer not null,
    generation integer not null default 1 constraint sessions_generation_positive check (generation >= 1),
    rotated_at timestamptz not null,
    salt bytea not null,
    uses_cookie boolean not null,
    user_agent text,
    ip_address text,
    created_at timestamptz not null,
    authenticated_at timestamptz not null,
    last_used_at timestamptz not null,
    idle_expires_at timestamptz not null,
    expires_at timestamptz not null,
    purge_on date not null,
    ended_at timestamptz
  ) with (fillfactor = 70);
  create index sessions_user_id on sessions (user_id);
  create index sessions_purge_on on sessions (purge_on);
  create index sessions_ended_at on sessions (ended_at) where ended_at is not null;

  create table refresh_keys (
    id integer not null constraint refresh_keys_pkey primary key
      constraint refresh_keys_id_fits check (id between 1 and 65535),
    sealed_key text not null,
    created_at timestamptz not null default now()
  );

  create table revocations (
    id uuid not null default gen_random_uuid() constraint revocations_pkey primary key,
    kind text not null
      constraint revocations_kind_known check (kind in ('TOKEN', 'SESSION', 'USER', 'EVERYONE', 'KEY')),
    user_id uuid,
    token_id uuid,
    session_id uuid,
    key_id text collate "C",
    token_version integer,
    global_version integer,
    revoked_at timestamptz not null,
    expires_at timestamptz not null,
    confirmed_at timestamptz
  );
  create index revocations_user_id on revocations (user_id);
  create index revocations_expires_at on revocations (expires_at);
  create index revocations_revoked_at on revocations (revoked_at);
  create index revocations_unconfirmed on revocations (revoked_at) where confirmed_at is null;

  create table signing_keys (
    id text collate "C" not null constraint signing_keys_pkey primary key,
    algorithm text not null,
    public_key text not null,
    sealed_private_key text not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    revoked_at timestamptz
  );

  create table audit_events (
    id uuid not null default gen_random_uuid() constraint audit_events_pkey primary key,
    type text not null,
    user_id uuid,
    actor_id uuid,
    session_id uuid,
    reason text,
    ip_address text,
    user_agent text,
    request_id text,
    created_at timestamptz not null default clock_timestamp()
  );
  create index audit_events_user_id on audit_events (user_id, created_at, id);
  create index audit_events_created_at on audit_events (created_at, id);

  -- The outbox of mails. It holds no link: the sender makes it.
  create table mails (
    id uuid not null default gen_random_uuid() constraint mails_pkey primary key,
    kind text not null,
    recipient text not null,
    user_id uuid,
    token_version integer,
    data jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0 constraint mails_attempts_not_negative check (attempts >= 0),
    -- The mail server got it and did not answer: it may have been sent.
    unanswered boolean not null default false
  );
  create index mails_next_attempt_at on mails (next_attempt_at);
  create index mails_created_at on mails (created_at);

  create table fleet (
    id boolean not null default true constraint fleet_pkey primary key constraint fleet_single_row check (id),
    database_id uuid not null default gen_random_uuid(),
    global_version integer not null default 1,
    signing_key_id text collate "C",
    next_signing_key_id text collate "C",
    next_signs_from timestamptz,
    upcoming_key_names text[] not null default '{}',
    uses_redis boolean,
    revocation_lease integer,
    longest_token_ttl integer not null default 0
  );
  insert into fleet default values;`;

export class InitialSchema1790000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await enterSchema(queryRunner);
    await queryRunner.query(SCHEMA);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations only go forward. Restore a backup instead.'));
  }
}
