import { type Subject, SUBJECT_MEMBERS } from '../core/subject';

/** A text that is a name: followed by a colon. In JSON nothing else is. */
const NAME = /"(?:[^"\\]|\\.)*"(?=(\s*:)?)/g;

const countNames = (json: string) => [...json.matchAll(NAME)].filter(([, colon]) => colon).length;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown) => typeof value === 'string' && value !== '';

/**
 * Reads the body of a request for Global Token Revocation: a JSON object with only a `sub_id`. Returns undefined for
 * anything else, and for a Subject Identifier of another format, or with other members than its format has (RFC 9493,
 * section 3).
 */
export function readSubject(json: string): Subject | undefined {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isRecord(body) || !isRecord(body.sub_id)) return undefined;
  const { format, ...rest } = body.sub_id;
  if (typeof format !== 'string' || !Object.hasOwn(SUBJECT_MEMBERS, format)) return undefined;
  const members = SUBJECT_MEMBERS[format as Subject['format']];
  // Also one by one in the text: of a name that comes twice, a proxy may have checked the other one.
  const names = ['sub_id', 'format', ...members].length;
  if (countNames(json) !== names || !members.every((member) => isText(rest[member]))) return undefined;
  // An email is an addr-spec (RFC 9493, section 3.2.2). Whether it is one that an account can have is decided later.
  if (format === 'email' && !/^[^]+@[^]+$/.test(String(rest.email))) return undefined;
  return body.sub_id as unknown as Subject;
}
