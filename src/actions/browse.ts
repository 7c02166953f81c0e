import type { AuditEvent, Session, User } from '../core/account';
import { badUserInput } from '../core/errors';
import type { SessionsOfUser } from '../core/ports/sessions';
import type { Page, PageRequest } from '../core/ports/truth';
import type { Dependencies } from './dependencies';

/** The most items of a page. */
const MOST_ITEMS = 100;

function faultOfFirst(first: number): Error | undefined {
  if (Number.isInteger(first) && first >= 1 && first <= MOST_ITEMS) return undefined;
  return badUserInput(`"first" must be a number from 1 to ${MOST_ITEMS}.`);
}

function checked(request: PageRequest): PageRequest {
  const fault = faultOfFirst(request.first);
  if (fault) throw fault;
  return request;
}

/** Returns users in the order of the ids, in one statement. */
export const findUsers =
  ({ truth }: Dependencies) =>
  async (ids: readonly string[]): Promise<(User | undefined)[]> => {
    const users = new Map((await truth.users.findByIds(ids)).map((user) => [user.id, user]));
    return ids.map((id) => users.get(id.toLowerCase()));
  };

/** Returns a page of users, oldest first; with `search`, those whose email begins with it, in the order of emails. */
export const listUsers =
  ({ truth }: Pick<Dependencies, 'truth'>) =>
  async (request: PageRequest, search?: string): Promise<Page<User>> =>
    truth.users.page(checked(request), search);

/** Returns a page of the audit log, newest first. */
export const listAuditEvents =
  ({ truth }: Dependencies) =>
  async (request: PageRequest, userId?: string): Promise<Page<AuditEvent>> =>
    truth.audit.page(checked(request), userId);

/** Returns the live sessions of several users, in order, in one statement. A bad `first` fails only its own entry. */
export const listSessions =
  ({ truth }: Dependencies) =>
  async (wanted: readonly SessionsOfUser[]): Promise<(readonly Session[] | Error)[]> => {
    const nameOf = ({ userId, after = '' }: SessionsOfUser) => `${userId} ${after}`;
    const longest = new Map<string, SessionsOfUser>();
    for (const each of wanted) {
      const other = longest.get(nameOf(each));
      if (!faultOfFirst(each.first) && each.first > (other?.first ?? 0)) longest.set(nameOf(each), each);
    }
    const lists = await truth.sessions.liveOf([...longest.values()]);
    const found = new Map([...longest.keys()].map((name, i) => [name, lists[i] ?? []]));
    return wanted.map(
      (each) => faultOfFirst(each.first) ?? (found.get(nameOf(each)) ?? []).slice(0, each.first),
    );
  };
