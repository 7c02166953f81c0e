/** Names a user as a Subject Identifier does (RFC 9493, section 3.2), in the formats that are accepted. */
export type Subject =
  | { readonly format: 'email'; readonly email: string }
  | { readonly format: 'iss_sub'; readonly iss: string; readonly sub: string }
  | { readonly format: 'opaque'; readonly id: string };

export type SubjectFormat = Subject['format'];

/** The members of each format, beside `format`. */
export const SUBJECT_MEMBERS: Readonly<Record<SubjectFormat, readonly string[]>> = {
  email: ['email'],
  iss_sub: ['iss', 'sub'],
  opaque: ['id'],
};
