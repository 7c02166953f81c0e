import type { Checker } from './fleet';

/** The claims that a client can read in an access token. */
export interface Token {
  readonly text: string;
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly role: 'USER' | 'ADMIN';
  readonly tokenVersion: number;
  readonly globalVersion: number;
  readonly keyId: string;
  /** The first time that a node or service called it revoked. */
  refused?: Sighting;
  /** The first time that a service knew no such key. */
  disowned?: Sighting;
}

/** One request with a token. Times in ms of `performance.now()`. */
export interface Sighting {
  readonly node: Checker;
  readonly began: number;
  readonly ended: number;
  readonly verdict: Verdict;
  /** The answer of the node, in short. */
  readonly answer: string;
}

export type Verdict = 'ACCEPTED' | 'REVOKED' | 'DISOWNED' | 'UNAVAILABLE' | 'WRONG';

/** Which tokens a revocation ends. Their sessions end too, but for those that `keeps` names. */
export type Reach =
  | { readonly scope: 'USER'; readonly userId: string; readonly below: number; readonly keeps: Kept }
  | { readonly scope: 'SESSION'; readonly userId: string; readonly sessionId: string }
  | { readonly scope: 'EVERYONE'; readonly upTo: number }
  | { readonly scope: 'KEYS'; readonly keyIds: ReadonlySet<string> };

/** The sessions that live on when their user's version is raised: all, none, or the one with this id. */
export type Kept = 'all' | 'none' | { readonly sessionId: string };

/** An acknowledged revocation. Times in ms of `performance.now()`. */
export interface Ending {
  readonly kind: string;
  readonly node: Checker;
  readonly reach: Reach;
  readonly sent: number;
  readonly received: number;
  readonly confirmed: boolean;
  readonly unconfirmedReason?: string;
}

export function reaches(reach: Reach, token: Token): boolean {
  switch (reach.scope) {
    case 'USER':
      return token.userId === reach.userId && token.tokenVersion < reach.below;
    case 'SESSION':
      return token.sessionId === reach.sessionId;
    case 'EVERYONE':
      return token.globalVersion <= reach.upTo;
    case 'KEYS':
      return reach.keyIds.has(token.keyId);
  }
}

/** @param first the token that the session was opened with */
export function endsSession(reach: Reach, first: Token): boolean {
  if (reach.scope === 'KEYS' || !reaches(reach, first)) return false;
  if (reach.scope !== 'USER') return true;
  const { keeps } = reach;
  return keeps === 'none' || (keeps !== 'all' && keeps.sessionId !== first.sessionId);
}

/** Every token and every receipt that clients received. */
export interface Ledger {
  readonly tokens: ReadonlyMap<string, Token>;
  readonly endings: readonly Ending[];
  readonly keyIds: ReadonlySet<string>;
  /** The token that each session was opened with. */
  firstTokens(): Iterable<Token>;
  /** The receipts that may concern a user, of everyone too. */
  endingsOfUser(userId: string): Ending[];
  /** Notes an access token that a client received. */
  note(text: string): Token;
  /** Notes a receipt. Returns the known tokens that it ends. */
  end(ending: Ending): Token[];
  /** The confirmed receipt by which a token must not be accepted by a request that begins at `began`. */
  finalBefore(token: Token, began: number): Ending | undefined;
  /** The receipt, confirmed or not, after which no request that begins at `began` may grant such a token. */
  acknowledgedBefore(token: Token, began: number): Ending | undefined;
  /** The receipts of before `began` that ended the token's session. It may have continued with a raised version. */
  endsOfSession(token: Token, began: number): Ending[];
}

const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;

function read(text: string): Token {
  const [header, payload] = text.split('.');
  const claims = decode(payload);
  return {
    text,
    id: claims.jti as string,
    userId: claims.sub as string,
    sessionId: claims.sid as string,
    role: claims.role as Token['role'],
    tokenVersion: claims.tokenVersion as number,
    globalVersion: claims.globalVersion as number,
    keyId: decode(header).kid as string,
  };
}

export function createLedger(): Ledger {
  const tokens = new Map<string, Token>();
  const endings: Ending[] = [];
  const keyIds = new Set<string>();
  const tokensOf = new Map<string, Token[]>();
  /** By session, the token that it was opened with. */
  const firstOf = new Map<string, Token>();
  /** By user, or `undefined` for revocations of everyone. */
  const endingsOf = new Map<string | undefined, Ending[]>();

  const append = <Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value) => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };

  const endingsOfUser = (userId: string) => [
    ...(endingsOf.get(userId) ?? []),
    ...(endingsOf.get(undefined) ?? []),
  ];
  const receivedBefore = ({ userId }: Token, began: number) =>
    endingsOfUser(userId).filter(({ received }) => received < began);
  const before = (token: Token, began: number) =>
    receivedBefore(token, began).filter(({ reach }) => reaches(reach, token));

  return {
    tokens,
    endings,
    keyIds,
    firstTokens: () => firstOf.values(),
    endingsOfUser,
    note(text) {
      const token = read(text);
      tokens.set(token.id, token);
      keyIds.add(token.keyId);
      if (!firstOf.has(token.sessionId)) firstOf.set(token.sessionId, token);
      append(tokensOf, token.userId, token);
      return token;
    },
    end(ending) {
      endings.push(ending);
      const userId = 'userId' in ending.reach ? ending.reach.userId : undefined;
      append(endingsOf, userId, ending);
      const candidates = userId === undefined ? [...tokens.values()] : (tokensOf.get(userId) ?? []);
      return candidates.filter((token) => reaches(ending.reach, token));
    },
    finalBefore: (token, began) => before(token, began).find(({ confirmed }) => confirmed),
    acknowledgedBefore: (token, began) => before(token, began)[0],
    endsOfSession(token, began) {
      const first = firstOf.get(token.sessionId) ?? token;
      return receivedBefore(token, began).filter(({ reach }) => endsSession(reach, first));
    },
  };
}
