import { LineFault } from './line-fault';
import { Lines } from './lines';
import { Objects } from './objects';
import type { Splitter } from './pieces';

/** What a line says, in our names, before it is checked. */
export interface Fields {
  readonly email: unknown;
  /** `null` for an account without a password. */
  readonly passwordHash: unknown;
  readonly emailVerified: unknown;
  readonly role: unknown;
  readonly createdAt: unknown;
  readonly disabled: unknown;
  readonly profile: unknown;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** A kind of file. */
export interface Format {
  /** What the pieces of the file are called. */
  createSplitter(): Splitter;
  /** Throws `LineFault`. */
  fieldsOf(object: JsonObject): Fields;
}

const OWN_FIELDS = [
  'email',
  'passwordHash',
  'emailVerified',
  'role',
  'createdAt',
  'disabled',
  'profile',
] as const;

/** Our own format: a JSON object a line. An unknown field is refused: it may be a misspelt one. */
export const OWN_FORMAT: Format = {
  createSplitter: () => new Lines(),
  fieldsOf(object) {
    const unknown = Object.keys(object).find((name) => !(OWN_FIELDS as readonly string[]).includes(name));
    if (unknown !== undefined) throw new LineFault(`has an unknown field ${shown(unknown)}`);
    if (object.passwordHash === undefined)
      throw new LineFault('has no passwordHash: write null for an account without a password');
    return object as unknown as Fields;
  },
};

/** Quotes a text of the file, which may be long or hold control characters. */
const shown = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** The export of password hashes that Auth0's support makes. The address may be only among the identifiers. */
export const AUTH0_FORMAT: Format = {
  createSplitter: () => new Lines(),
  fieldsOf(object) {
    const identifiers = Array.isArray(object.identifiers)
      ? (object.identifiers as (JsonObject | null)[])
      : [];
    const address = identifiers.find((each) => each?.type === 'email');
    return {
      email: object.email ?? address?.value,
      passwordHash: object.passwordHash ?? object.password_hash ?? null,
      emailVerified: object.email_verified ?? address?.verified,
      role: undefined,
      createdAt: object.created_at,
      disabled: object.blocked,
      profile: object.user_metadata ?? object.app_metadata,
    };
  },
};

/** The password hash parameters of a Firebase project, in base64 where they are bytes. */
export interface FirebaseHash {
  readonly signerKey: string;
  readonly saltSeparator: string;
  readonly rounds: number;
  /** The logarithm of the memory cost. */
  readonly memCost: number;
}

/** The export that `firebase auth:export` writes as JSON. Times are ms since the epoch, as text. */
export const firebaseFormat = ({ signerKey, saltSeparator, rounds, memCost }: FirebaseHash): Format => ({
  createSplitter: () => new Objects(),
  fieldsOf(object) {
    const { passwordHash, salt, createdAt } = object;
    if (passwordHash && typeof salt !== 'string') throw new LineFault('has a passwordHash without a salt');
    const settings = `$fbscrypt$v=1,n=${memCost},r=${rounds},p=1,ss=${saltSeparator},sk=${signerKey}`;
    return {
      email: object.email,
      // Users of Google and others have none, or an empty one.
      passwordHash:
        typeof passwordHash === 'string' && passwordHash
          ? `${settings}$${salt as string}$${passwordHash}`
          : null,
      emailVerified: object.emailVerified,
      role: undefined,
      createdAt: typeof createdAt === 'string' && /^\d+$/.test(createdAt) ? Number(createdAt) : createdAt,
      disabled: object.disabled,
      profile: object.customAttributes,
    };
  },
});
