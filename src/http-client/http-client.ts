import type { IncomingHttpHeaders } from 'node:http';
import { type Readable, type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, request } from 'undici';

/** What is asked of another server. */
export interface Question {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** ms for the whole of it: connecting, headers and body */
  readonly timeout: number;
}

/** A whole answer of status 200 to 299. */
export interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpClient {
  /**
   * Asks once and follows no redirect. Rejects for another status, for a body of more than 256 KiB, and after `timeout` ms,
   * however slowly the answer comes.
   */
  ask(url: string, question: Question): Promise<Answer>;
  /** Ends every connection; what is under way rejects. */
  close(): Promise<void>;
}

/** Bytes of an answer, before and after it is inflated. No honest answer to a guard comes near. */
const LONGEST_ANSWER = 256 * 1024;

/** Connections to one server. Further questions wait for one of them, within their time. */
const MOST_CONNECTIONS = 64;

/** Some servers encode what they hold whatever was asked for. */
const INFLATERS: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The streams that a body goes through until it is plain. */
function plainOf(
  body: Readable,
  encoding: string | string[] | undefined,
): readonly [Readable, ...Transform[]] {
  if (encoding === undefined || encoding === 'identity') return [body];
  const inflater = typeof encoding === 'string' ? INFLATERS[encoding.toLowerCase()] : undefined;
  if (!inflater) throw new Error('the answer has an unknown content-encoding');
  return [body, inflater()];
}

/** Reads a body to its end, counting the bytes as they come out of the inflater. */
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
 * Makes the one client by which a guard reads what other servers answer.
 *
 * Its deadline is a timer that is held until the answer has been read. `AbortSignal.timeout` is not: Node 20 may
 * collect it and its abort with it (https://github.com/nodejs/undici/issues/4068).
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
      // The rest is not read: an answer that is refused may have no end.
      response.body.on('error', () => undefined).destroy();
      throw error;
    }
  };

  return {
    async ask(url, question) {
      const deadline = new AbortController();
      const timer = setTimeout(() => {
        deadline.abort(new Error(`there was no whole answer within ${question.timeout} ms`));
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
