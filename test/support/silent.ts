import type { Logger } from '../../src/core/ports/logger';

const nothing = () => undefined;

/** A logger that drops every line. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
