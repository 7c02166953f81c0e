/** A GraphQL answer, as a client sees it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: any;
  readonly errors?: {
    message: string;
    path?: unknown[];
    extensions: { code: string; reason?: string; [more: string]: unknown };
  }[];
  readonly extensions?: Record<string, any>;
  /** The code of the first error. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly session: { id: string };
  readonly user: { id: string; email: string; tokenVersion: number };
}

export const AUTH = `{
  accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt
  session { id current userAgent ipAddress createdAt lastUsedAt expiresAt }
  user { id email role tokenVersion disabled createdAt sessions { id current } }
}`;
export const RECEIPT = '{ scope tokenVersion endedSessions revokedAt confirmed unconfirmedReason }';

/** The first administrator of each server under test. */
export const ADMIN = { email: 'root@example.com', password: 'the keys to the kingdom' };

/** The password of the other users. */
export const PASSWORD = 'correct horse battery';

let users = 0;

/** A client of one node: plain HTTP, without state. */
export class Api {
  constructor(readonly url: string) {}

  async send(
    query: string,
    variables: object = {},
    token?: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });
    return this.read(response);
  }

  async read(response: Response): Promise<Answer> {
    const body = (await response.json()) as Pick<Answer, 'data' | 'errors' | 'extensions'>;
    const first = body.errors?.[0]?.extensions;
    return {
      status: response.status,
      headers: response.headers,
      ...body,
      code: first?.code,
      reason: first?.reason,
    };
  }

  /** Sends `register`, and returns the answer whatever it is. */
  tryRegister(email: string, password = PASSWORD, headers?: Record<string, string>): Promise<Answer> {
    const input = { email, password };
    return this.send(
      `mutation($input: RegisterInput!) { register(input: $input) ${AUTH} }`,
      { input },
      undefined,
      headers,
    );
  }

  async register(email: string, password?: string): Promise<Tokens> {
    return this.expect(await this.tryRegister(email, password)).register as Tokens;
  }

  /** Sends `login`, and returns the answer whatever it is. */
  tryLogin(email: string, password = PASSWORD, headers?: Record<string, string>): Promise<Answer> {
    const input = { email, password };
    return this.send(
      `mutation($input: LoginInput!) { login(input: $input) ${AUTH} }`,
      { input },
      undefined,
      headers,
    );
  }

  async login(email: string, password?: string): Promise<Tokens> {
    return this.expect(await this.tryLogin(email, password)).login as Tokens;
  }

  /** Registers a user with an email of their own. */
  newUser(): Promise<Tokens> {
    return this.register(`user${++users}@example.com`);
  }

  loginAsAdmin(): Promise<Tokens> {
    return this.login(ADMIN.email, ADMIN.password);
  }

  refresh(token: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send(
      `mutation($token: String) { refresh(refreshToken: $token) ${AUTH} }`,
      { token },
      undefined,
      headers,
    );
  }

  /** Refreshes, and returns the new tokens. */
  async refreshed({ refreshToken }: Pick<Tokens, 'refreshToken'>): Promise<Tokens> {
    return this.expect(await this.refresh(refreshToken)).refresh as Tokens;
  }

  me(token?: string): Promise<Answer> {
    return this.send('{ me { id email role tokenVersion sessions { id current } } }', {}, token);
  }

  /** Runs a mutation and returns its receipt. */
  end(mutation: string, token?: string, headers?: Record<string, string>): Promise<any> {
    return this.mutate(`${mutation} ${RECEIPT}`, token, headers);
  }

  /** Runs a mutation, given with its selection, and returns its result. */
  async mutate(mutation: string, token?: string, headers?: Record<string, string>): Promise<any> {
    return this.expect(await this.send(`mutation { it: ${mutation} }`, {}, token, headers)).it;
  }

  /** Returns the data. Throws with the server's errors, if any. */
  expect(answer: Answer): any {
    if (answer.errors) throw new Error(`${answer.status} ${JSON.stringify(answer.errors)}`);
    return answer.data;
  }
}
