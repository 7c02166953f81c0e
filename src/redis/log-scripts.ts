import { BEGINNING } from '../core/ports/log-stream';
import { MERGE } from './effect';

import { defineScript, ONLY_WITH_STREAM, onlyInEpoch, THIS_SERVER } from './script';

// KEYS: epoch, stream, healer. ARGV: a new id, ms, the lease and the replicas, each empty if unknown. An empty stream
// is created, so that its loss can be noticed. The number of replicas only grows: waiting for fewer would undo the
// others' care.
export const hello = defineScript(`${THIS_SERVER}
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'run', 'seq')
  if not epoch[1] or epoch[2] ~= run or redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
    redis.call('XADD', KEYS[2], '*', 'new', '')
    redis.call('XTRIM', KEYS[2], 'MAXLEN', 0)
    redis.call('HSET', KEYS[1], 'id', ARGV[1], 'run', run, 'seq', 0)
    epoch = {ARGV[1], run, '0'}
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'lease', ARGV[3]) end
  if tonumber(ARGV[4]) > tonumber(redis.call('HGET', KEYS[1], 'replicas') or 0) then
    redis.call('HSET', KEYS[1], 'replicas', ARGV[4])
  end
  local more = redis.call('HMGET', KEYS[1], 'filled', 'lease', 'replicas')
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  return {epoch[1], epoch[3], last[1] and last[1][1] or '${BEGINNING}', more[1], more[2], more[3]}`);

/** Heartbeats between two renewals of the keys' expiry: minutes to hours, while the keys live for a week. */
const RENEWAL = 1000;

// KEYS: epoch, stream. ARGV: id, ms, the longest token lifetime, node or nothing, its position. The count makes each
// heartbeat different, and the call a write, which a read-only server refuses.
//
// Each process sends it more than twice a second, so it takes four commands, itself included: of a hundred processes,
// each command more would be 220 a second. A lost stream matters only to a process behind the tail, which waits for
// entries that are gone. A process at the tail has everything that was confirmed in this epoch. Nothing more can be:
// `publish` always looks for the stream, finds it missing, and a new epoch begins. A process that joins says hello,
// which also looks.
export const beat = defineScript(`${onlyInEpoch('seq', 'filled', 'ttl', 'asof', 'beats', 'replicas')}
  local seq, filled, longest, asof = epoch[3], epoch[4], epoch[5], epoch[6]
  if tonumber(ARGV[5]) < tonumber(seq) and redis.call('EXISTS', KEYS[2]) == 0 then return 'STALE' end
  local count = (epoch[7] or 0) + 1
  local changes = {'beats', count}
  if ARGV[4] ~= '' then changes[3], changes[4] = 'n:' .. ARGV[4], ARGV[5] .. ':' .. count end
  if tonumber(ARGV[3]) > tonumber(longest or 0) then
    longest = ARGV[3]
    changes[#changes + 1] = 'ttl'
    changes[#changes + 1] = longest
  end
  redis.call('HSET', KEYS[1], unpack(changes))
  if count % ${RENEWAL} == 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
  end
  return {seq, filled, longest, asof, epoch[8]}`);

// Trims what has expired by the clock of Postgres, never by count, which would remove entries that still matter.
// ARGV[2] is that clock as this call knows it, ARGV[3] the last expiry of its entries, if any. `keep` is the longest
// time from an entry's id in the stream to its expiry: so the clock of Redis, which makes the ids, need not be right.
// `asof` says how far the stream may have been trimmed.
const APPEND = `
  local function append(payload)
    local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
    redis.call('XADD', KEYS[2], '*', 'epoch', ARGV[1], 'seq', seq, 'entry', payload)
  end
  local function trim()
    local known = redis.call('HMGET', KEYS[1], 'keep', 'asof')
    local asof = math.max(tonumber(ARGV[2]), tonumber(known[2] or 0))
    redis.call('HSET', KEYS[1], 'asof', string.format('%d', asof))
    if ARGV[3] == '' then return end
    local keep = tonumber(ARGV[3]) - redis.call('TIME')[1] * 1000
    keep = math.max(keep, tonumber(known[1] or keep))
    redis.call('HSET', KEYS[1], 'keep', string.format('%d', keep))
    redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%d', math.max(0, asof - keep)))
  end`;

// KEYS: epoch, stream, then for each entry its subject's record and ticket. ARGV: id, ms, ms, then for each entry the
// payload, the number of denied ids, the version and the denied ids. It must not create a record: it knows one fact,
// and a record claims to hold all of them. It deletes the ticket, whose holder may have read Postgres before this
// revocation.
export const publish = defineScript(`${ONLY_WITH_STREAM}
  ${MERGE}
  ${APPEND}
  local at = 4
  for key = 3, #KEYS, 2 do
    local last = at + 2 + tonumber(ARGV[at + 1])
    redis.call('DEL', KEYS[key + 1])
    if redis.call('EXISTS', KEYS[key]) == 1 then merge(KEYS[key], at + 2, last) end
    append(ARGV[at])
    at = last + 1
  end
  trim()
  return redis.call('HGETALL', KEYS[1])`);

// KEYS: epoch, stream, healer. ARGV: id, ms, ms, node, ms, whether it is the last part, then the payloads.
export const heal = defineScript(`${ONLY_WITH_STREAM}
  ${APPEND}
  local healer = redis.call('GET', KEYS[3])
  if redis.call('HEXISTS', KEYS[1], 'filled') == 1 or (healer and healer ~= ARGV[4]) then return 'TAKEN' end
  redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5])
  for i = 7, #ARGV do append(ARGV[i]) end
  trim()
  if ARGV[6] == '1' then
    redis.call('HSET', KEYS[1], 'filled', 1)
    redis.call('DEL', KEYS[3])
  end
  return 'OK'`);

// KEYS: epoch, stream. ARGV: id, then the fields of nodes. One script, because the nodes of another epoch would mean
// nothing. In parts, because Lua cannot hand over more than some thousand values at a time.
export const readNodes = defineScript(`${ONLY_WITH_STREAM}
  local beats = {}
  for first = 2, #ARGV, 1000 do
    local part = redis.call('HMGET', KEYS[1], unpack(ARGV, first, math.min(first + 999, #ARGV)))
    for i = 1, #part do beats[#beats + 1] = part[i] end
  end
  return beats`);

// KEYS: epoch, stream. ARGV: id, then node and heartbeat alternately. A node with a newer heartbeat stays.
export const removeNodes = defineScript(`${ONLY_WITH_STREAM}
  for i = 2, #ARGV, 2 do
    local field = 'n:' .. ARGV[i]
    if redis.call('HGET', KEYS[1], field) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], field) end
  end
  return 'OK'`);

// KEYS: epoch, stream. ARGV: id, node.
export const leave = defineScript(`${ONLY_WITH_STREAM}
  redis.call('HDEL', KEYS[1], 'n:' .. ARGV[2])
  return 'OK'`);
