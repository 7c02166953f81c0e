/** Collects the faults of the environment, so that all can be reported at once. */
export interface Faults {
  add(sentence: string): void;
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration like `500ms`, `90s`, `15m`, `12h` or `14d` to ms; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNITS[unit] ?? 0);
}

/** Whether the duration, in ms, is within the limits. */
export const isWithin = (value: number, { from, to }: DurationLimits): boolean =>
  value >= (parseDuration(from) ?? 0) && value <= (parseDuration(to) ?? Infinity);

export interface DurationLimits {
  readonly from: string;
  readonly to: string;
}

/** A shorter lease could not be renewed in time; with a longer one revocations could wait long. */
export const LEASE_LIMITS: DurationLimits = { from: '100ms', to: '10s' };

/** Settings whose value is not trimmed. */
const SECRETS = /(SECRET|PASSWORD)$/;

/** Creates a reader of settings, each with its default, which reports a sentence for each fault. */
export function createReader(env: Readonly<Record<string, string | undefined>>, faults: Faults) {
  const names = new Set<string>();
  const given = (name: string) => {
    const isFirst = !names.has(name);
    names.add(name);
    // Compose passes an unset variable as an empty one.
    const text = env[name] || undefined;
    if (text === undefined || SECRETS.test(name)) return text;
    // Docker's --env-file keeps quotes in the value, and a value read from a file ends with a line break.
    if (isFirst && /^(["']).*\1$/s.test(text.trim()))
      faults.add(`${name} is in quotes, which become part of its value. Leave them out.`);
    return text.trim() || undefined;
  };

  return {
    /** The names of the settings that were read. */
    names: names as ReadonlySet<string>,

    given,

    text: (name: string, fallback: string) => given(name) ?? fallback,

    /** ms */
    duration(name: string, fallback: string, limits: DurationLimits): number {
      const text = given(name) ?? fallback;
      const value = parseDuration(text);
      if (value === undefined) {
        faults.add(
          `${name} is "${text}", which is not a duration. Write a number and a unit, like 500ms, 90s, 15m, 12h or 14d.`,
        );
        return parseDuration(fallback) ?? 0;
      }
      if (!isWithin(value, limits)) {
        faults.add(`${name} is ${text}. It must be from ${limits.from} to ${limits.to}.`);
      }
      return value;
    },

    integer(name: string, fallback: number, from: number, to: number): number {
      const text = given(name);
      if (text === undefined) return fallback;
      const value = Number(text);
      if (/^\d{1,9}$/.test(text) && value >= from && value <= to) return value;
      faults.add(`${name} is "${text}". It must be a whole number from ${from} to ${to}.`);
      return fallback;
    },

    oneOf<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
      const text = given(name) ?? fallback;
      const choice = choices.find((candidate) => candidate === text);
      if (choice === undefined) faults.add(`${name} is "${text}". It must be one of ${choices.join(', ')}.`);
      return choice ?? fallback;
    },

    url(name: string, protocols: readonly string[]): string | undefined {
      const text = given(name);
      if (text === undefined) return undefined;
      const protocol = URL.canParse(text) ? new URL(text).protocol : '';
      if (protocols.includes(protocol)) return text;
      // The sentence does not show the value: a URL often holds a password.
      faults.add(
        `${name} is not a URL that starts with ${protocols.map((name) => `${name}//`).join(' or ')}.`,
      );
      return undefined;
    },

    list: (name: string) =>
      (given(name) ?? '')
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  };
}

export type Reader = ReturnType<typeof createReader>;
