import type { Env } from './env';

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration like `500ms`, `90s`, `15m`, `12h` or `14d` to ms; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNITS[unit] ?? 0);
}

export interface DurationLimits {
  readonly from: string;
  readonly to: string;
}

/** Whether the duration, in ms, is within the limits. */
export const isWithin = (value: number, { from, to }: DurationLimits): boolean =>
  value >= (parseDuration(from) ?? 0) && value <= (parseDuration(to) ?? Infinity);

/** A shorter lease could not be renewed in time; with a longer one revocations could wait long. */
export const LEASE_LIMITS: DurationLimits = { from: '100ms', to: '10s' };

/** Settings whose value is not trimmed. */
const SECRETS = /(SECRET|PASSWORD)$/;

const SHORTEST_SECRET = 32;
const FEWEST_CHARACTERS = 12;

/** Reads settings, each with its default. Collects a sentence for each fault, so that all are reported at once. */
export class SettingsReader {
  /** The names of the settings that were read. */
  readonly names = new Set<string>();
  readonly faults: string[] = [];

  constructor(private readonly env: Env) {}

  fault(sentence: string): void {
    this.faults.push(sentence);
  }

  given(name: string): string | undefined {
    const isFirst = !this.names.has(name);
    this.names.add(name);
    // Compose passes an unset variable as an empty one.
    const text = this.env[name] || undefined;
    if (text === undefined || SECRETS.test(name)) return text;
    // Docker's --env-file keeps quotes in the value, and a value read from a file ends with a line break.
    if (isFirst && /^(["']).*\1$/s.test(text.trim()))
      this.fault(`${name} is in quotes, which become part of its value. Leave them out.`);
    return text.trim() || undefined;
  }

  text(name: string, fallback: string): string {
    return this.given(name) ?? fallback;
  }

  list(name: string): string[] {
    const items = this.text(name, '').split(',');
    return items.map((item) => item.trim()).filter((item) => item !== '');
  }

  /** Reads a secret, which must be long and random enough. */
  secret(name: string): string | undefined {
    const secret = this.given(name);
    if (secret === undefined) return undefined;
    const isLong = secret.length >= SHORTEST_SECRET && new Set(secret).size >= FEWEST_CHARACTERS;
    if (!isLong || /change.?me|replace/i.test(secret))
      this.fault(
        `${name} is too weak. Use at least ${SHORTEST_SECRET} random characters, for example from: openssl rand -base64 32`,
      );
    return secret;
  }

  /** ms */
  duration(name: string, fallback: string, limits: DurationLimits): number {
    const text = this.text(name, fallback);
    const value = parseDuration(text);
    if (value === undefined)
      this.fault(
        `${name} is "${text}", which is not a duration. Write a number and a unit, like 500ms, 90s, 15m, 12h or 14d.`,
      );
    else if (!isWithin(value, limits))
      this.fault(`${name} is ${text}. It must be from ${limits.from} to ${limits.to}.`);
    return value ?? parseDuration(fallback) ?? 0;
  }

  /** Whole seconds. */
  seconds(name: string, fallback: string, limits: DurationLimits): number {
    return Math.floor(this.duration(name, fallback, limits) / 1000);
  }

  integer(name: string, fallback: number, from: number, to: number): number {
    const text = this.text(name, String(fallback));
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= from && value <= to) return value;
    this.fault(`${name} is "${text}". It must be a whole number from ${from} to ${to}.`);
    return fallback;
  }

  oneOf<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const text = this.text(name, fallback);
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) this.fault(`${name} is "${text}". It must be one of ${choices.join(', ')}.`);
    return choice ?? fallback;
  }
}
