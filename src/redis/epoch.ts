/**
 * Lua that reads which server this is. A replica that was promoted, or a server that restarted with its data, may lack
 * what was published last: its run_id gives it away.
 */
export const THIS_SERVER = `
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')`;

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
