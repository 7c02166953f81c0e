import type { AuditEvent, Session, User } from '../core/account';
import { badUserInput, unauthenticated } from '../core/errors';
import type { Page, PageRequest } from '../core/page';
import type { Principal } from '../guard/guard';
import type { Dependencies } from './dependencies';

const MOST = 100;

function checked({ first, after }: PageRequest): PageRequest {
  if (!Number.isInteger(first) || first < 1 || first > MOST) {
    throw badUserInput(`"first" must be a number from 1 to ${MOST}.`);
  }
  return { first, after };
}

/** The caller's own account. */
export const findMe =
  ({ truth }: Dependencies) =>
  async ({ userId }: Principal): Promise<User> => {
    const user = await truth.users.findById(userId);
    if (!user) throw unauthenticated('TOKEN_REVOKED');
    return user;
  };

export const findUser =
  ({ truth }: Dependencies) =>
  (id: string): Promise<User | undefined> =>
    truth.users.findById(id);

/** Accounts, oldest first; `search` is found anywhere in the email. */
export const listUsers =
  ({ truth }: Dependencies) =>
  async (request: PageRequest, search?: string): Promise<Page<User>> =>
    truth.users.page(checked(request), search);

/** What happened, newest first. */
export const listAuditEvents =
  ({ truth }: Dependencies) =>
  async (request: PageRequest, userId?: string): Promise<Page<AuditEvent>> =>
    truth.audit.page(checked(request), userId);

/** The live sessions of several users, by user and in their order. */
export const listSessions =
  ({ truth }: Dependencies) =>
  async (userIds: readonly string[]): Promise<Session[][]> => {
    const sessions = await truth.sessions.liveOf(userIds);
    return userIds.map((id) => sessions.filter((session) => session.userId === id));
  };
