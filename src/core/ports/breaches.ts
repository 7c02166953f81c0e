/** Whether a password is among those known from data breaches. Never rejects: without an answer it is not. */
export type IsBreached = (password: string) => Promise<boolean>;
