import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';
// By its file: Bun has an `undici` of its own, which knows neither limits nor `destroy`.
import { Agent, request } from 'undici/index.js';
import { type Clock, systemClock } from '../core/clock';
import { watchRests } from '../core/rest';
import { afterSilence } from '../core/silence';

export interface Question {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** ms for all of it: connecting, headers and body. */
  readonly timeout: number;
}

/** A complete response of status 200 to 299. */
export interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpClient {
  /** Sends one request; follows no redirect. Rejects on another status, a body over 256 KiB, or after `timeout` ms. */
  ask(url: string, question: Question): Promise<Answer>;
  /** Closes every connection. Pending requests reject. */
  close(): Promise<void>;
}

/** The most bytes of a response, before and after decompression. */
const LONGEST_ANSWER = 256 * 1024;

/** The most connections to one server. Further requests wait for one, within their timeout. */
const MOST_CONNECTIONS = 64;

/** ms without a request after which no connection is used again: the network may have forgotten it without a word. */
const LONGEST_REST = 1000;

/** Needed although `identity` is requested: some servers compress anyway. */
const INFLATERS: Record<string, (body: Buffer, options: ZlibOptions) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Returns the text of a body, which it decompresses if needed. */
async function textOf(body: Buffer, encoding: string | string[] = 'identity'): Promise<string> {
  if (encoding === 'identity') return body.toString();
  const inflater = INFLATERS[encoding.toString().toLowerCase()];
  if (!inflater) throw new Error('the answer has an unknown content-encoding');
  const text = await inflater(body, { maxOutputLength: LONGEST_ANSWER }).catch((cause: unknown) => {
    throw new Error('the answer is too long or badly compressed', { cause });
  });
  return text.toString();
}

/** Creates the pool of connections. After a rest it is a new one: the other one ends with its pending requests. */
function createPool(clock: Clock) {
  const create = () =>
    new Agent({ connections: MOST_CONNECTIONS, pipelining: 1, maxResponseSize: LONGEST_ANSWER });
  const rests = watchRests(LONGEST_REST, clock);
  const left = new Set<Agent>();
  let agent = create();
  return {
    /** Call it when a request begins, and when it ends. */
    get() {
      const { hasRested } = rests;
      rests.used();
      if (!hasRested) return agent;
      const old = agent;
      left.add(old);
      const forget = () => left.delete(old);
      old.close().then(forget, forget);
      agent = create();
      return agent;
    },
    async destroy() {
      await Promise.all([agent, ...left].map((each) => each.destroy()));
    },
  };
}

/**
 * Creates an HTTP client.
 *
 * Its deadline is a timer, not `AbortSignal.timeout`: Node 20 may garbage-collect that signal before it fires
 * (https://github.com/nodejs/undici/issues/4068).
 */
export function createHttpClient(clock: Clock = systemClock): HttpClient {
  const pool = createPool(clock);

  const askWithin = async (url: string, question: Question, signal: AbortSignal): Promise<Answer> => {
    const { method = 'GET', headers, body, timeout } = question;
    const response = await request(url, {
      dispatcher: pool.get(),
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      body,
      signal,
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    const { statusCode, headers: answered } = response;
    if (statusCode < 200 || statusCode > 299) {
      // The body is not read: it may have no end.
      response.body.on('error', () => undefined).destroy();
      throw new Error(`the answer was ${statusCode}`);
    }
    const bytes = Buffer.from(await response.body.arrayBuffer());
    return { headers: answered, text: await textOf(bytes, answered['content-encoding']) };
  };

  return {
    async ask(url, question) {
      const deadline = new AbortController();
      const stop = afterSilence(question.timeout, () => {
        deadline.abort(new Error(`no complete answer within ${question.timeout} ms`));
      });
      try {
        return await askWithin(url, question, deadline.signal);
      } catch (error) {
        throw deadline.signal.aborted ? deadline.signal.reason : error;
      } finally {
        stop();
        pool.get();
      }
    },
    close: () => pool.destroy(),
  };
}
