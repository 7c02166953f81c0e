import type { TestNode } from '../../support/world';

export const SECRET = 'only for tests: k3Vw8sRz1nQy6uXc0dMf';
export const ENV = { INTROSPECTION_SECRET: SECRET };
export const AUTHORIZED = { authorization: `Bearer ${SECRET}` };
export const FORM = 'application/x-www-form-urlencoded';
export const EMPTY = { status: 200, text: '' };

export interface OAuthAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

type Form = Record<string, string>;

export async function post(
  { url }: TestNode,
  path: string,
  body: Form | string | undefined,
  headers: Record<string, string> = {},
): Promise<OAuthAnswer> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: typeof body === 'object' ? new URLSearchParams(body) : body,
    headers: { ...(typeof body === 'string' && { 'content-type': FORM }), ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

export const introspect = (node: TestNode, token: string, more?: Form) =>
  post(node, '/oauth/introspect', { token, ...more }, AUTHORIZED);

export const revoke = (node: TestNode, token: string, more?: Form) =>
  post(node, '/oauth/revoke', { token, ...more });

/** Whether introspection calls the token active. An answer that does not must say nothing else. */
export async function isActive(node: TestNode, token: string): Promise<boolean> {
  const { status, body } = await introspect(node, token);
  expect(status).toBe(200);
  if (!body.active) expect(body).toEqual({ active: false });
  return body.active as boolean;
}
