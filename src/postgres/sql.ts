import type { PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { Loan, Sql } from '../core/ports/hooks';
import { translate } from './faults';
import { poolOf } from './tables';

/** Statements that would end the transaction, or change the connection for whoever uses it next. */
const REFUSED = new Set([
  'abort',
  'begin',
  'commit',
  'deallocate',
  'discard',
  'end',
  'listen',
  'prepare',
  'reset',
  'rollback',
  'set',
  'start',
  'unlisten',
]);

/** Of these, what the transaction itself undoes or what stays inside of it. */
const ALLOWED = /^(?:rollback (?:(?:work|transaction) )?to|set (?:local|constraints))\b/;

/** Returns where the comment that begins at `start` ends. They nest. */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const pair = text.slice(at, at + 2);
    if (pair !== '/*' && pair !== '*/') continue;
    depth += pair === '/*' ? 1 : -1;
    at++;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

/** Returns where the next word begins. Postgres skips semicolons before a statement, as it does spaces and comments. */
function skipBlank(text: string, start: number): number {
  let at = start;
  for (;;) {
    if (/[\s;]/.test(text.charAt(at))) at++;
    else if (text.startsWith('--', at)) at += /^[^\r\n]*/.exec(text.slice(at))?.[0].length ?? 0;
    else if (text.startsWith('/*', at)) at = endOfComment(text, at);
    else return at;
  }
}

/** Returns the first words of a statement in lower case, without comments: three decide what it is. */
function firstWords(text: string): string {
  const words: string[] = [];
  let at = skipBlank(text, 0);
  while (words.length < 3) {
    const word = /^[a-z_]+/i.exec(text.slice(at, at + 64))?.[0];
    if (word === undefined) break;
    words.push(word.toLowerCase());
    at = skipBlank(text, at + word.length);
  }
  return words.join(' ');
}

function refuseControl(text: string): void {
  if (typeof text !== 'string') throw new TypeError('sql takes the text of a statement, and its parameters.');
  const words = firstWords(text);
  const [first = ''] = words.split(' ');
  if (!REFUSED.has(first) || ALLOWED.test(words)) return;
  throw new Error(
    `A hook may not run "${first}": the transaction is that of the whole change, and the connection is used again. ` +
      'Throw to undo everything; use a savepoint, or "set local".',
  );
}

/** The extended protocol takes one statement only, so none can hide behind another. */
const extended = (text: string, params: readonly unknown[]) => ({
  text,
  values: [...params],
  queryMode: 'extended',
});

/** A connection, with what pg knows of it beyond its types. */
interface Wire extends Pick<PoolClient, 'query'> {
  /** The state that Postgres told after the last statement: in a transaction (`T`), or in one that failed (`E`). */
  getTransactionStatus(): string | null;
  readonly connection: { readonly stream?: { destroy(): void } };
}

const isOver = () =>
  new Error('The hook is over, and so is its transaction. Await each sql before you return.');

/** Rejections that nobody awaits must not end the process. The loan remembers them. */
function handled<T>(outcome: Promise<T>): Promise<T> {
  outcome.catch(() => undefined);
  return outcome;
}

/** Lends the connection of the transaction that `manager` is in. */
export function lendSql({ queryRunner }: EntityManager): Loan {
  const connecting = Promise.resolve(queryRunner?.connect() as Promise<Wire>);
  let state: 'open' | 'settling' | 'over' = 'open';
  let running: Wire | undefined;
  let refusal: unknown;
  let failure: unknown;
  let last: Promise<unknown> = Promise.resolve();

  const runNow = async <Row extends object>(text: string, params: readonly unknown[]): Promise<Row[]> => {
    const client = await connecting;
    if (state === 'over') throw isOver();
    running = client;
    try {
      return (await client.query<Row>(extended(text, params))).rows;
    } catch (error) {
      failure ??= error;
      throw error;
    } finally {
      running = undefined;
    }
  };

  const sql: Sql = <Row extends object>(text: string, params: readonly unknown[] = []) => {
    if (state !== 'open') return handled(Promise.reject<Row[]>(isOver()));
    try {
      refuseControl(text);
    } catch (error) {
      refusal ??= error;
      return handled(Promise.reject<Row[]>(error as Error));
    }
    const outcome = handled(last.then(() => runNow<Row>(text, params)));
    last = outcome.catch(() => undefined);
    return outcome;
  };

  return {
    sql,

    async settle() {
      if (state === 'open') state = 'settling';
      await last;
      if (state === 'over') throw isOver();
      state = 'over';
      const client = await connecting;
      if (refusal !== undefined) throw refusal as Error;
      // Postgres would answer the commit with a rollback, and no error. PGlite's status does not tell, so it is asked.
      if (failure !== undefined)
        await client.query('select').catch(() => {
          throw translate(failure) as Error;
        });
      if (client.getTransactionStatus() !== 'T') throw new Error('The hook has ended the transaction.');
    },

    abandon() {
      state = 'over';
      // Otherwise the rollback would wait for the statement.
      running?.connection.stream?.destroy();
    },
  };
}

/** Runs statements of the application, each in a transaction of its own. */
export const createSql =
  (dataSource: DataSource): Sql =>
  async <Row extends object>(text: string, params: readonly unknown[] = []) => {
    refuseControl(text);
    return (await poolOf(dataSource).query<Row>(extended(text, params))).rows;
  };
