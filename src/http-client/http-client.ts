import type { IncomingHttpHeaders } from 'node:http';
import { type Readable, type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, request } from 'undici';

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
const INFLATERS: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Returns the body and the stream that decompresses it, if one is needed. */
function plainOf(
  body: Readable,
  encoding: string | string[] | undefined,
): readonly [Readable, ...Transform[]] {
  if (encoding === undefined || encoding === 'identity') return [body];
  const inflater = typeof encoding === 'string' ? INFLATERS[encoding.toLowerCase()] : undefined;
  if (!inflater) throw new Error('the answer has an unknown content-encoding');
  return [body, inflater()];
}

/** Reads a body, counting decompressed bytes. */
async function readText(streams: readonly [Readable, ...Transform[]], signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  const collector = new Writable({
    write(chunk: Buffer, _encoding, taken) {
      length += chunk.length;
      chunks.push(chunk);
      taken(length > LONGEST_ANSWER ? new Error('the answer is too long') : undefined);
    },
  });
  await pipeline([...streams, collector], { signal });
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Creates the HTTP client of a guard.
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
    const { statusCode } = response;
    try {
      if (statusCode < 200 || statusCode > 299) throw new Error(`the answer was ${statusCode}`);
      return {
        headers: response.headers,
        text: await readText(plainOf(response.body, response.headers['content-encoding']), signal),
      };
    } catch (error) {
      // The rest is not read: it may have no end.
      response.body.on('error', () => undefined).destroy();
      throw error;
    }
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
