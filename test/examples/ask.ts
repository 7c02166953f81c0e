import type { Answer } from '../support/api';

/** The answer of the service: a value, or the reason for its absence. */
export interface Told {
  readonly status: number;
  readonly value?: string;
  readonly code?: string;
  readonly reason?: string;
}

/** The questions that each service answers. */
export type Question = 'hello' | 'whoami' | 'report';

/** A question to Nest, whose resolver has no decorator. */
export const UNDECORATED = 'motto';

/** Asks a GraphQL service, whose queries are named like the questions. */
export async function askGraphql(
  url: string,
  question: Question | typeof UNDECORATED,
  token?: string,
): Promise<Told> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: `{ ${question} }` }),
  });
  const { data, errors } = (await response.json()) as Pick<Answer, 'data' | 'errors'>;
  const { code, reason } = errors?.[0]?.extensions ?? {};
  return { status: response.status, value: data?.[question], code, reason };
}

/** Asks a REST service, whose routes are named like the questions. */
export async function askRest(url: string, question: Question, token?: string): Promise<Told> {
  const response = await fetch(`${url}/${question}`, {
    headers: { ...(token && { authorization: `Bearer ${token}` }) },
  });
  const body = (await response.json()) as any;
  return {
    status: response.status,
    value: body[question],
    code: body.error?.code,
    reason: body.error?.reason,
  };
}
