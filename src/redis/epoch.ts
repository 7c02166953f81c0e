/**
 * Lua that reads which server this is, and in which of its lives as a primary. A server that restarted with its data, or
 * a replica that was promoted, may lack what was published last: its run_id gives it away. One that was demoted and then
 * promoted again has its old run_id, but has taken over another's data meanwhile: its master_replid gives it away, which
 * is new at each promotion.
 */
export const THIS_SERVER = `
  local id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local promotion = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  if not id or not promotion then
    return redis.error_reply('ERR this Redis does not tell its run_id and master_replid, by which Tokenfence knows it')
  end
  local run = id .. ':' .. promotion`;

/**
 * Lua that a script of ours starts with: it goes on only in the epoch whose id it was given, on the server where that
 * epoch began. KEYS[1] is the epoch, ARGV[1] the id.
 */
export const ONLY_IN_EPOCH = `${THIS_SERVER}
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'run')
  if epoch[1] ~= ARGV[1] or epoch[2] ~= run then return 'STALE' end`;

/** The same for scripts that rely on the stream, KEYS[2]: an epoch whose stream was evicted has ended. */
export const ONLY_WITH_STREAM = `${ONLY_IN_EPOCH}
  if redis.call('EXISTS', KEYS[2]) == 0 then return 'STALE' end`;
