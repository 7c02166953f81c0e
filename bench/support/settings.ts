/** The settings of all nodes. The lease is the default one. */
export const SETTINGS = {
  SECRET: 'only for measuring: 5Kf8sQ1xNwZ7hV3eRt6c',
  INTROSPECTION_SECRET: 'between services: 9Hd2kLw8Xq4Vb7Tz',
  ISSUER: 'http://localhost:4000',
  RATE_LIMIT: 'off',
  LOG_LEVEL: 'warn',
};

/** The default of REVOCATION_LEASE, in ms. */
export const LEASE = 1000;

/** A password, and how the server hashes it. */
export const PASSWORD = 'a long password for measuring';
export const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
