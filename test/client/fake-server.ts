import type { FakeClock } from './fake-browser';

export const AUTH_URL = 'https://auth.example.com/graphql';
export const API_URL = 'https://api.example.com/graphql';

interface ServerSession {
  readonly id: string;
  readonly userId: string;
  isAlive: boolean;
}
interface Token {
  readonly session: ServerSession;
  readonly expiresAt: number;
  isRevoked: boolean;
}
interface Operation {
  readonly query: string;
  readonly variables?: { readonly input?: Record<string, string> };
}

/** ms */
const LIFETIME = 900_000;

/** What the auth server and an API answer, for the one browser whose cookie this is. */
export class FakeServer {
  /** The session in the cookie. */
  cookie: ServerSession | undefined;
  /** The fields of the mutations that came, in order. */
  readonly mutations: string[] = [];
  /** The requests that came to the API: their tokens. */
  readonly requests: (string | null)[] = [];
  /** How far the clock of the server is off, in ms. */
  skew = 0;
  /** What happens to requests to the auth server. */
  trouble: 'none' | 'offline' | 'silent' | { readonly code: string; readonly retryAfter?: number } = 'none';
  /** What the API answers to a token that it refuses. */
  refusal: (reason: string) => Response = (reason) => refused({ code: 'UNAUTHENTICATED', reason });
  /** Waits before each answer. */
  pause: () => Promise<unknown> = () => Promise.resolve();
  private readonly tokens = new Map<string, Token>();
  private readonly sessions: ServerSession[] = [];
  private count = 0;

  constructor(private readonly clock: FakeClock) {}

  get refreshes(): number {
    return this.mutations.filter((field) => field === 'refresh').length;
  }

  /** Ends the session in the cookie, as another device would. */
  endSession(): void {
    for (const session of this.sessions) session.isAlive = false;
    this.revokeTokens();
  }
  /** Ends every access token and keeps the sessions, as a change of role does. */
  revokeTokens(): void {
    for (const token of this.tokens.values()) token.isRevoked = true;
  }
  isAlive(sessionId: string): boolean {
    return this.sessions.find(({ id }) => id === sessionId)?.isAlive ?? false;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const isAuth = request.url === AUTH_URL;
    const { query, variables } = JSON.parse((await request.text()) || '{}') as Operation;
    const bearer = /^Bearer (.*)/.exec(request.headers.get('authorization') ?? '')?.[1];
    if (isAuth) {
      const field = /^mutation(?:\([^)]*\))?\{(\w+)/.exec(query)?.[1] ?? '';
      this.mutations.push(field);
      if (this.trouble === 'offline') throw new TypeError('Failed to fetch');
      if (this.trouble === 'silent')
        return new Promise((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
        });
      await this.pause();
      if (typeof this.trouble === 'object') return refused(this.trouble, 503);
      return this.mutate(field, variables?.input ?? {}, bearer, init?.credentials);
    }
    this.requests.push(bearer ?? null);
    await this.pause();
    const token = this.tokens.get(bearer ?? '');
    if (!token) return this.refusal('TOKEN_MISSING');
    if (token.isRevoked) return this.refusal('TOKEN_REVOKED');
    if (token.expiresAt <= this.clock.now() + this.skew) return this.refusal('TOKEN_EXPIRED');
    return Response.json({ data: { whoami: token.session.userId } });
  };

  private mutate(
    field: string,
    input: Record<string, string>,
    bearer: string | undefined,
    credentials: RequestInit['credentials'],
  ): Response {
    const session = this.tokens.get(bearer ?? '')?.session;
    if (field === 'refresh') {
      if (this.cookie?.isAlive) return this.grant(field, this.cookie);
      return refused({ code: 'REFRESH_TOKEN_INVALID' });
    }
    if (field === 'logout' || field === 'logoutEverywhere') {
      const ended = [session, credentials === 'include' ? this.cookie : undefined];
      for (const each of ended) if (each) each.isAlive = false;
      if (credentials === 'include') this.cookie = undefined;
      return session
        ? Response.json({ data: { [field]: { confirmed: true } } })
        : refused({ code: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' });
    }
    if (field === 'changePassword' || field === 'logoutOthers') {
      if (!session) return refused({ code: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' });
      this.revokeTokens();
      return this.grant(field, session);
    }
    if (input.password === 'wrong') return refused({ code: 'INVALID_CREDENTIALS' });
    const begun = { id: `session-${++this.count}`, userId: input.email ?? 'ada', isAlive: true };
    this.sessions.push(begun);
    this.cookie = begun;
    return this.grant(field, begun);
  }

  private grant(field: string, session: ServerSession): Response {
    const now = this.clock.now() + this.skew;
    const accessToken = `token-${++this.count}`;
    this.tokens.set(accessToken, { session, expiresAt: now + LIFETIME, isRevoked: false });
    const payload = {
      accessToken,
      accessTokenExpiresAt: new Date(now + LIFETIME).toISOString(),
      session: { id: session.id, lastUsedAt: new Date(now).toISOString() },
      user: { id: session.userId, email: session.userId },
    };
    return Response.json({ data: { [field]: payload } });
  }
}

export const refused = (extensions: object, status = 401): Response =>
  Response.json({ data: null, errors: [{ message: 'Refused.', extensions }] }, { status });
