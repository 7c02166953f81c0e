import { LAST_VERSION } from './claims';
import {
  type FollowerMessage,
  MOST_ENTRIES,
  MOST_NAMES,
  type NodeMessage,
  type NoGrantReason,
  type PartEntry,
} from './follow-messages';
import { isLoggedRevocation, isRevokedId } from './read-revocation';

/** Characters of the name of a joining, an epoch or a database: they are UUIDs. */
const LONGEST_NAME = 64;

/** ms; no lease and no grant is longer. */
const LONGEST_LEASE = 3_600_000;

/** s; no token lives longer. */
const LONGEST_TOKEN_TTL = 7 * 24 * 3600;

type Fields = Readonly<Record<string, unknown>>;

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= LONGEST_NAME;

/** Whether this is a position, a number of a heartbeat, or a time. */
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isSpan = (value: unknown, longest: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= longest;

const isVersion = (value: unknown, most: number) => isCount(value) && value >= 1 && value <= most;

function isPartEntry(value: unknown): value is PartEntry {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [kind, id, version, expiresAt] = value as unknown[];
  if (!isCount(expiresAt)) return false;
  switch (kind) {
    case 'T':
    case 'S':
    case 'K':
      return isRevokedId(id) && version === 0;
    case 'U':
      return isRevokedId(id) && isVersion(version, LAST_VERSION);
    case 'E':
      // The last version would refuse every possible token.
      return id === '' && isVersion(version, LAST_VERSION - 1);
    default:
      return false;
  }
}

const isListOf = (value: unknown, most: number, isItem: (item: unknown) => boolean) =>
  Array.isArray(value) && value.length <= most && value.every(isItem);

const NO_GRANT: readonly unknown[] = ['NOT_CURRENT', 'BEHIND', 'BANNED'] satisfies NoGrantReason[];

const isAtJoining = ({ joining, position }: Fields) => isName(joining) && isCount(position);

const hasForgotten = ({ sweptUntil, asOf }: Fields) => isCount(sweptUntil) && isCount(asOf);

type Checks<Message extends { readonly type: string }> = Record<Message['type'], (fields: Fields) => boolean>;

const FROM_FOLLOWER: Checks<FollowerMessage> = {
  // Both or none.
  join: ({ epoch, position }) =>
    (epoch === undefined && position === undefined) || (isName(epoch) && isCount(position)),
  beat: (fields) => isAtJoining(fields) && isCount(fields.number),
  ack: isAtJoining,
  returned: ({ joining }) => isName(joining),
  farewell: () => true,
};

const FROM_NODE: Checks<NodeMessage> = {
  welcome: ({ database, lease }) => isName(database) && isSpan(lease, LONGEST_LEASE) && lease > 0,
  begin: (fields) =>
    isAtJoining(fields) &&
    isName(fields.epoch) &&
    hasForgotten(fields) &&
    (fields.way === 'snapshot' || fields.way === 'on'),
  part: ({ entries }) => isListOf(entries, MOST_NAMES, isPartEntry),
  loaded: (fields) => isAtJoining(fields) && hasForgotten(fields),
  entries: ({ entries, position }) =>
    isCount(position) && isListOf(entries, MOST_ENTRIES, isLoggedRevocation),
  grant: ({ number, joining, grant, tail, longestTokenTtl, asOf, reason }) =>
    isName(joining) &&
    isCount(number) &&
    isSpan(grant, LONGEST_LEASE) &&
    isCount(tail) &&
    isSpan(longestTokenTtl, LONGEST_TOKEN_TTL) &&
    isCount(asOf) &&
    (reason === undefined || NO_GRANT.includes(reason)),
  'take-back': ({ joining }) => isName(joining),
  leaving: () => true,
};

function readMessage<Message extends { readonly type: string }>(
  text: string,
  checks: Checks<Message>,
): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type } = value as Fields;
  if (typeof type !== 'string' || !Object.hasOwn(checks, type)) return undefined;
  return checks[type as Message['type']](value as Fields) ? (value as Message) : undefined;
}

/** Reads a message that a node got. Returns `undefined` for what no follower sends. */
export const readFollowerMessage = (text: string): FollowerMessage | undefined =>
  readMessage(text, FROM_FOLLOWER);

/**
 * Reads a message that a follower got. Returns `undefined` for what no node sends: then close the connection, because
 * something may be missing from then on. Times are compared with each other only, since the follower's clock may be off.
 */
export const readNodeMessage = (text: string): NodeMessage | undefined => readMessage(text, FROM_NODE);
