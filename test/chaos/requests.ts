import { type Answer, Api } from '../support/api';
import type { FleetNode } from './fleet';

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
  readonly node: FleetNode;
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

/** Sends one request. Never throws: an unreachable node is an outcome too. */
export async function ask(
  node: FleetNode,
  query: string,
  variables: object = {},
  token?: string,
): Promise<Exchange> {
  const began = performance.now();
  let outcome: Outcome;
  try {
    outcome = read(await new Api(node.url).send(query, variables, token));
  } catch (error) {
    outcome = { kind: 'unavailable', why: String((error as Error).cause ?? error) };
  }
  return { node, began, ended: performance.now(), outcome };
}

export const inShort = (outcome: Outcome): string => {
  if (outcome.kind === 'done') return 'done';
  if (outcome.kind === 'refused') return [outcome.code, outcome.reason].filter(Boolean).join(' ');
  return `${outcome.kind}: ${outcome.why}`;
};
