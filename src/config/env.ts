/** The environment as it was given. Everything else reads the settings that config.ts makes of it. */
export type Env = Readonly<Record<string, string | undefined>>;

export const readEnv = (): Env => process.env;
