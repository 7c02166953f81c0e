import type { FleetNode } from './fleet';

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
  /** The first time that a node called it revoked. */
  refused?: Sighting;
}

/** One request with a token. Times in ms of `performance.now()`. */
export interface Sighting {
  readonly node: FleetNode;
  readonly began: number;
  readonly ended: number;
  readonly verdict: Verdict;
  /** The answer of the node, in short. */
  readonly answer: string;
}

export type Verdict = 'ACCEPTED' | 'REVOKED' | 'UNAVAILABLE' | 'WRONG';

/** Which tokens a revocation ends. */
export type Reach =
  | { readonly scope: 'USER'; readonly userId: string; readonly below: number }
  | { readonly scope: 'SESSION'; readonly userId: string; readonly sessionId: string }
  | { readonly scope: 'EVERYONE'; readonly upTo: number }
  | { readonly scope: 'KEYS'; readonly keyIds: ReadonlySet<string> };

/** An acknowledged revocation. Times in ms of `performance.now()`. */
export interface Ending {
  readonly kind: string;
  readonly node: FleetNode;
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

/** Every token and every receipt that clients received. */
export interface Ledger {
  readonly tokens: ReadonlyMap<string, Token>;
  readonly endings: readonly Ending[];
  readonly keyIds: ReadonlySet<string>;
  /** Notes an access token that a client received. */
  note(text: string): Token;
  /** Notes a receipt. Returns the known tokens that it ends. */
  end(ending: Ending): Token[];
  /** The confirmed receipt by which a token must not be accepted by a request that begins at `began`. */
  finalBefore(token: Token, began: number): Ending | undefined;
  /** The receipt, confirmed or not, after which no request that begins at `began` may grant such a token. */
  acknowledgedBefore(token: Token, began: number): Ending | undefined;
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
  /** By user, or `undefined` for revocations of everyone. */
  const endingsOf = new Map<string | undefined, Ending[]>();

  const append = <Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value) => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };

  const before = (token: Token, began: number) =>
    [...(endingsOf.get(token.userId) ?? []), ...(endingsOf.get(undefined) ?? [])].filter(
      ({ reach, received }) => received < began && reaches(reach, token),
    );

  return {
    tokens,
    endings,
    keyIds,
    note(text) {
      const token = read(text);
      tokens.set(token.id, token);
      keyIds.add(token.keyId);
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
  };
}
