import { type Answer, Api } from '../support/api';
import type { Checker } from './fleet';

/** The pause of a client after an unreachable node, in ms. */
export const AFTER_TROUBLE = 40;

/** The outcomes of a request. */
export type Outcome =
  | { readonly kind: 'done'; readonly data: any; readonly receipt?: ReceiptAnswer }
  /** Refused, so nothing was done. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason?: string }
  /** 503, or no answer: it may have been done or not. */
  | { readonly kind: 'unavailable'; readonly why: string }
  /** An answer that must not occur. */
  | { readonly kind: 'fault'; readonly why: string };

export interface ReceiptAnswer {
  readonly scope: 'TOKEN' | 'SESSION' | 'USER' | 'EVERYONE';
  /** Missing in the extensions, null in an answer. */
  readonly tokenVersion?: number | null;
  readonly endedSessions: number;
  readonly confirmed: boolean;
  readonly unconfirmedReason: string | null;
}

/** An outcome with its place and time: ms of `performance.now()`. */
export interface Exchange {
  readonly node: Checker;
  readonly began: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

/** The codes of a refusal. */
const REFUSALS = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'INVALID_CREDENTIALS',
  'REFRESH_TOKEN_INVALID',
  'REFRESH_TOKEN_REUSED',
  'NOT_FOUND',
  'CONFLICT',
]);

/** The receipt of a mutation: its answer under the name `it`, or the one in the extensions. */
function receiptOf({ data, extensions }: Answer): ReceiptAnswer | undefined {
  if (data?.it?.confirmed !== undefined) return data.it as ReceiptAnswer;
  return (extensions?.revocations as ReceiptAnswer[] | undefined)?.[0];
}

function read(answer: Answer): Outcome {
  const { status, code, reason, data } = answer;
  if (code === undefined && status === 200) return { kind: 'done', data, receipt: receiptOf(answer) };
  if (code === 'SERVICE_UNAVAILABLE') return { kind: 'unavailable', why: code };
  if (code !== undefined && REFUSALS.has(code)) return { kind: 'refused', code, reason };
  return { kind: 'fault', why: `${status} ${JSON.stringify(answer.errors)}` };
}

/** Times a request. Never throws: an unreachable node is an outcome too. */
async function timed(node: Checker, request: () => Promise<Outcome>): Promise<Exchange> {
  const began = performance.now();
  let outcome: Outcome;
  try {
    outcome = await request();
  } catch (error) {
    outcome = { kind: 'unavailable', why: String((error as Error).cause ?? error) };
  }
  return { node, began, ended: performance.now(), outcome };
}

/** Asks `tokenfence guard` about a token, as a proxy does. */
async function verify(url: string, token: string | undefined): Promise<Outcome> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/verify`, { headers });
  const text = await response.text();
  if (response.status === 200 && response.headers.has('x-auth-user-id')) return { kind: 'done', data: {} };
  if (response.status === 503) return { kind: 'unavailable', why: text };
  if (response.status !== 401) return { kind: 'fault', why: `${response.status} ${text}` };
  const { error } = JSON.parse(text) as { error: { code: string; reason?: string } };
  return { kind: 'refused', ...error };
}

/** Sends one request to the GraphQL API, or asks about its token where there is none. */
export const ask = (node: Checker, query: string, variables: object = {}, token?: string) =>
  timed(node, async () =>
    node.asked === 'verify'
      ? verify(node.url, token)
      : read(await new Api(node.url).send(query, variables, token)),
  );

/** Sends a token to `/oauth/revoke`. An empty answer means that the token is not known. */
export const askToRevoke = (node: Checker, token: string) =>
  timed(node, async (): Promise<Outcome> => {
    const response = await fetch(`${node.url}/oauth/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
    });
    const text = await response.text();
    if (response.status === 503) return { kind: 'unavailable', why: text };
    if (response.status !== 200) return { kind: 'fault', why: `${response.status} ${text}` };
    if (text === '') return { kind: 'refused', code: 'UNKNOWN' };
    const { confirmed, unconfirmedReason } = JSON.parse(text) as {
      confirmed: boolean;
      unconfirmedReason?: string;
    };
    const receipt: ReceiptAnswer = {
      scope: 'SESSION',
      endedSessions: 1,
      confirmed,
      unconfirmedReason: unconfirmedReason ?? null,
    };
    return { kind: 'done', data: undefined, receipt };
  });

export const inShort = (outcome: Outcome): string => {
  if (outcome.kind === 'done') return 'done';
  if (outcome.kind === 'refused') return [outcome.code, outcome.reason].filter(Boolean).join(' ');
  return `${outcome.kind}: ${outcome.why}`;
};
