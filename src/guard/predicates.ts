/** The names and addresses of this machine. */
export const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/;

export const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

export const hasMethods = (value: unknown, ...methods: string[]) =>
  isObject(value) && methods.every((method) => typeof value[method] === 'function');

// The type is checked too: adding the string '5000' to a time would append its digits.
export const isBetween = (value: unknown, least: number, most: number) =>
  typeof value === 'number' && value >= least && value <= most;
