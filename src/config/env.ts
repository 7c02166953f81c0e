/** The environment variables. Only readConfig should interpret them. */
export type Env = Readonly<Record<string, string | undefined>>;

export const readEnv = (): Env => process.env;
