/** What all nodes of a run have in common. The lease is the default one. */
export const SETTINGS = {
  SECRET: 'only for measuring: 5Kf8sQ1xNwZ7hV3eRt6c',
  INTROSPECTION_SECRET: 'between services: 9Hd2kLw8Xq4Vb7Tz',
  ISSUER: 'http://localhost:4000',
  RATE_LIMIT: 'off',
  LOG_LEVEL: 'warn',
};

/** ms; the default of REVOCATION_LEASE. */
export const LEASE = 1000;
