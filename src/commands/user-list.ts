import type { User } from '../core/account';
import type { Page } from '../core/ports/truth';

const stateOf = ({ disabled, pending }: User) => (disabled ? 'disabled' : pending ? 'pending' : 'enabled');

/** The cursor of the next page, if there is one. */
const nextOf = ({ items, hasNextPage }: Page<User>) => (hasNextPage ? items.at(-1)?.cursor : undefined);

/** Writes a page of users as one JSON object in one line. `after` is for the option of that name. */
export function listAsJson(page: Page<User>): string {
  const users = page.items.map(({ node }) => {
    const { id, email, emailVerified, role, createdAt } = node;
    return { id, email, emailVerified, role, state: stateOf(node), createdAt };
  });
  return `${JSON.stringify({ users, after: nextOf(page) ?? null })}\n`;
}

const HEADINGS = ['ID', 'ROLE', 'STATE', 'VERIFIED', 'CREATED', 'EMAIL'];

/** Writes a page of users as a table. The email comes last, so that a long one shifts nothing. */
export function listAsText(page: Page<User>): string {
  if (page.items.length === 0) return 'No users.\n';
  const rows = page.items.map(({ node }) => {
    const { id, email, emailVerified, role, createdAt } = node;
    return [
      id,
      role,
      stateOf(node),
      emailVerified ? 'yes' : 'no',
      createdAt.toISOString().slice(0, 10),
      email,
    ];
  });
  const table = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const next = nextOf(page);
  return `${lines.join('\n')}\n${next === undefined ? '' : `There are more: add --after ${next}\n`}`;
}
