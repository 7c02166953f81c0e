import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';
// By its file: Bun has an `undici` of its own, which knows neither limits nor `destroy`.
import { Agent, request } from 'undici/index.js';

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

/**
 * Creates an HTTP client.
 *
 * Its deadline is a timer, not `AbortSignal.timeout`: Node 20 may garbage-collect that signal before it fires
 * (https://github.com/nodejs/undici/issues/4068).
 */
export function createHttpClient(): HttpClient {
  const agent = new Agent({
    connections: MOST_CONNECTIONS,
    pipelining: 1,
    maxResponseSize: LONGEST_ANSWER,
  });

  const askWithin = async (url: string, question: Question, signal: AbortSignal): Promise<Answer> => {
    const { method = 'GET', headers, body, timeout } = question;
    const response = await request(url, {
      dispatcher: agent,
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
      const timer = setTimeout(() => {
        deadline.abort(new Error(`no complete answer within ${question.timeout} ms`));
      }, question.timeout);
      try {
        return await askWithin(url, question, deadline.signal);
      } catch (error) {
        throw deadline.signal.aborted ? deadline.signal.reason : error;
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}
