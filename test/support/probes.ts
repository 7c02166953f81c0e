import { eventually } from './eventually';

interface Node {
  readonly url: string;
}

/** The answer of `/readyz`, with its HTTP status in place of the word. */
export async function readinessOf({ url }: Node): Promise<{ status: number; [more: string]: unknown }> {
  const response = await fetch(`${url}/readyz`);
  return { ...((await response.json()) as object), status: response.status };
}

/** Waits until the node is ready, with nothing degraded and a current view. */
export const untilViewIsCurrent = (node: Node) =>
  eventually(async () =>
    expect(await readinessOf(node)).toEqual({ status: 200, degraded: [], view: 'current' }),
  );

export interface Metrics {
  readonly text: string;
  /** The value of one series, named without the prefix `tokenfence_` and with its labels. */
  readonly value: (series: string) => number | undefined;
}

/** The answer of `/metrics`. */
export async function metricsOf({ url }: Node): Promise<Metrics> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  return {
    text,
    value: (series) => {
      const line = text.split('\n').find((each) => each.startsWith(`tokenfence_${series} `));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
  };
}

/** The ids of the keys that a node publishes. With `cache-control: no-cache` it reads them anew. */
export async function keyIdsOf({ url }: Node, headers: Record<string, string> = {}): Promise<string[]> {
  const response = await fetch(`${url}/.well-known/jwks.json`, { headers });
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}
