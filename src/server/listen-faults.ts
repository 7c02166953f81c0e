const REASONS: Record<string, string> = {
  EADDRINUSE: 'another process uses this port',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine does not have this address',
  ENOTFOUND: 'the host was not found',
};

/** Says why an address cannot be listened on, if the operator can change it. */
export const whyNotListening = ({ code = '' }: NodeJS.ErrnoException): string | undefined => REASONS[code];
