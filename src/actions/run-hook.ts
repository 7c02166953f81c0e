import { toPublicUser } from '../core/account';
import { before } from '../core/deadline';
import { HookError, isUnavailable, serviceUnavailable } from '../core/errors';
import type { Callbacks, HookEvents, HookName, Loan, Sql } from '../core/ports/hooks';
import type { Logger } from '../core/ports/logger';
import type { SessionState } from '../core/ports/sessions';
import type { Tables, Transaction, Truth } from '../core/ports/truth';
import { type Client, originOf } from './client';

/** ms that a hook may take. */
const TIMEOUT = 5000;

/** What a hook is told, besides `sql`. Only the public part of the user is passed on. */
export type About<Name extends HookName> = Omit<HookEvents[Name], 'sql'>;

/** The hooks of the application, within their bounds. */
export interface HookRunner {
  has(name: HookName): boolean;
  /**
   * Runs a hook, if there is one, in a transaction that must end with it. Throws `HookError` with what the hook threw, and
   * `SERVICE_UNAVAILABLE` if it took too long: either way, let the transaction fail.
   */
  run<Name extends HookName>(name: Name, tables: Transaction, about: About<Name>): Promise<void>;
}

/** For a process that has none of the application's code, such as the command line. */
export const noHooks: HookRunner = { has: () => false, run: () => Promise.resolve() };

/** A hook gets copies: what it does to them must not reach the token. */
function copyOf<Name extends HookName>(about: About<Name>): object {
  const copy = { ...about, user: structuredClone(toPublicUser(about.user)) };
  return 'session' in copy ? { ...copy, session: structuredClone(copy.session) } : copy;
}

/** Waits for the hook, and for the statements that it began. */
async function throughHook(name: HookName, loan: Loan, call: () => unknown): Promise<void> {
  let thrown: { readonly error: unknown } | undefined;
  try {
    await call();
  } catch (error) {
    thrown = { error };
  }
  try {
    await loan.settle();
  } catch (error) {
    // The store failed under the hook, or gave way to another transaction: not the hook's fault.
    if (isUnavailable(error)) throw error;
    thrown ??= { error };
  }
  if (thrown) throw new HookError(name, thrown.error);
}

export function createHookRunner(
  { hooks = {}, hookTimeout = TIMEOUT }: Callbacks,
  logger: Pick<Logger, 'error'>,
): HookRunner {
  return {
    has: (name) => hooks[name] !== undefined,

    async run(name, tables, about) {
      if (!hooks[name]) return;
      const loan = tables.lend();
      const event = { ...copyOf(about), sql: loan.sql };
      const tookTooLong = () => {
        const reason = `The hook ${name} took longer than ${hookTimeout} ms.`;
        logger.error({ hook: name, userId: about.user.id }, `${reason} Its transaction is undone.`);
        loan.abandon();
        return serviceUnavailable(new Error(reason));
      };
      const call = () => (hooks[name] as (event: { readonly sql: Sql }) => unknown).call(hooks, event);
      await before(hookTimeout, () => throughHook(name, loan, call), tookTooLong);
    },
  };
}

interface WithHooks {
  readonly truth: Truth;
  readonly hooks: HookRunner;
}

/**
 * Runs a statement, and its hook in the same transaction. Without a hook the statement is its own transaction.
 *
 * @param about what the hook is told of the result; `undefined` if nothing was changed
 */
export function withHook<Name extends HookName, T>(
  { truth, hooks }: WithHooks,
  name: Name,
  statement: (tables: Tables) => Promise<T>,
  about: (result: T) => About<Name> | undefined,
): Promise<T> {
  if (!hooks.has(name)) return statement(truth);
  return truth.transaction(
    async (tables) => {
      const result = await statement(tables);
      const told = about(result);
      if (told) await hooks.run(name, tables, told);
      return result;
    },
    { lends: true },
  );
}

/** What the hook `loggedIn` is told of a session that begins. */
export const begun =
  (client: Client) =>
  (state: Pick<SessionState, 'user' | 'session'> | undefined): About<'loggedIn'> | undefined =>
    state && { user: state.user, session: state.session, client: originOf(client) };
