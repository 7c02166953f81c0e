/** Data with long answers: a hundred accounts with a hundred sessions each, and events, all with long texts. */
export const WORST_DATA = [
  `insert into users (email, email_key, password_hash, role)
   select name, name, 'none', 'USER' from (select n || '@example.com' as name from generate_series(1, 100) n) as names`,
  `insert into sessions (id, user_id, global_version, uses_cookie, created_at, last_used_at, idle_expires_at,
     expires_at, user_agent, ip_address)
   select gen_random_uuid(), users.id, fleet.global_version, false, now(), now(), now() + interval '1 day',
     now() + interval '1 day', repeat('u', 400), '192.0.2.1'
   from users, fleet, generate_series(1, 100)`,
  `insert into audit_events (type, reason, user_agent)
   select 'LOGIN_FAILED', repeat('r', 500), repeat('u', 400) from generate_series(1, 100)`,
];
