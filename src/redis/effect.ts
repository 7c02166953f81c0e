import type { LoggedRevocation } from '../core/revocation';
import { EVERYONE } from './keys';

/** Returns what a revocation adds to a record: the subject, a version (0 for none) and denied ids. */
export function effectOf(entry: LoggedRevocation) {
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

/**
 * Lua function that merges into the record `key`: versions only grow, denied ids are only added. ARGV[first] is the
 * version; the denied ids follow up to ARGV[last].
 */
export const MERGE = `
  local function merge(key, first, last)
    local version = tonumber(ARGV[first])
    local known = tonumber(redis.call('HGET', key, 'v') or 0)
    if version > known then redis.call('HSET', key, 'v', version) end
    for i = first + 1, last do redis.call('HSET', key, 'd:' .. ARGV[i], 1) end
  end`;
