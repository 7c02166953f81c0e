/** The roles that every auth server has. Only `ADMIN` administers. */
export type Role = 'USER' | 'ADMIN';

/**
 * What an application adds to its tokens, as a type: `createGuard<{ claims: { tenant: string }; role: 'EDITOR' }>(…)`.
 */
export interface Shape {
  /** What the callback `claims` returns. */
  readonly claims?: object;
  /** The application's roles, beside `USER` and `ADMIN`. */
  readonly role?: string;
}

/** The roles of a shape: `USER`, `ADMIN` and the application's own. */
export type RoleOf<S extends Shape> =
  Role | (S extends { readonly role: infer R extends string } ? R : never);

/** The claims of a shape. They are as the auth server signed them: nothing compares them with the type. */
export type ClaimsOf<S extends Shape> = S extends { readonly claims: infer C extends object }
  ? Readonly<C>
  : Readonly<Record<string, unknown>>;

/** What a request needs of its user: a role, a recent sign-in, or both. */
export type Requirement<S extends Shape = Shape> =
  | RoleOf<S>
  | {
      readonly role?: RoleOf<S>;
      /** s since the user last signed in or confirmed the password. */
      readonly maxAge?: number;
    };

/** The roles that every auth server has. */
const ROLES: readonly string[] = ['USER', 'ADMIN'] satisfies Role[];

/** @param own the application's roles */
export const rolesWith = (own: readonly string[]): readonly string[] => [...ROLES, ...own];

/** Returns the role that a token gets: `USER` if the user's role was removed from the settings. @param own the application's roles */
export const effectiveRole = (role: string, own: readonly string[]): string =>
  ROLES.includes(role) || own.includes(role) ? role : 'USER';

const ROLE = /^[A-Z][A-Z0-9_]{0,31}$/;

/** Whether `value` has the form of a role: capital letters, digits and underscores; at most 32. */
export const isRole = (value: unknown): value is string => typeof value === 'string' && ROLE.test(value);
