/** Data with long answers: a hundred accounts with a hundred sessions each, and events, all with long texts. */
export const WORST_DATA = [
  `insert into users (email, email_key, password_hash, role)
   select name, name, 'none', 'USER' from (select n || '@example.com' as name from generate_series(1, 100) n) as names`,
  `insert into sessions (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie, created_at,
     authenticated_at, last_used_at, idle_expires_at, expires_at, purge_on, user_agent, ip_address)
   select gen_random_uuid(), users.id, users.token_version, fleet.global_version, now(), 'salt', false, now(),
     now(), now(), now() + interval '1 day', now() + interval '1 day', now() + interval '9 days', repeat('u', 400),
     '192.0.2.1'
   from users, fleet, generate_series(1, 100)`,
  `insert into audit_events (type, reason, user_agent)
   select 'LOGIN_FAILED', repeat('r', 500), repeat('u', 400) from generate_series(1, 100)`,
];
