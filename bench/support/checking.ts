import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/core/clock';
import type { EachPart } from '../../src/core/ports/truth';
import { assembleGuard, type Guard } from '../../src/guard/guard';
import { createLogger } from '../../src/server/logger';
import { createTruthSource } from '../../src/revocation/truth-source';
import { createCheck } from '../../src/revocation/check';
import { createEmbeddedSource } from '../../src/protocol/embedded';
import { View } from '../../src/protocol/view';
import { createKeyGenerator } from '../../src/tokens/generate';
import { createKeyRing } from '../../src/tokens/key-ring';
import { createSeal } from '../../src/tokens/sealing';
import { createSigner } from '../../src/tokens/sign';
import { createVerifier } from '../../src/tokens/verify';
import { SETTINGS } from './settings';

const ISSUER = 'http://localhost:4000';
const AUDIENCE = 'api';

/** Gives a view its revocations, part by part. */
export type Log = (part: EachPart) => Promise<boolean>;

/** A guard in this process, and the tokens to measure it with. */
export interface Checking {
  /** Returns `Authorization` headers with good tokens of different users. */
  headers(count: number): Promise<string[]>;
  /** A guard whose view holds this log, and which has not seen a token. */
  guardOver(log: Log): Promise<Guard>;
}

export async function prepareChecking(): Promise<Checking> {
  const seal = createSeal(SETTINGS.SECRET);
  const generated = createKeyGenerator(seal)('a name of a key');
  const keys = createKeyRing({
    list: () =>
      Promise.resolve([{ ...generated, createdAt: new Date(), retiredAt: undefined, revokedAt: undefined }]),
    seal,
    maxAge: Infinity,
    clock: systemClock,
  });
  await keys.reload();
  const sign = createSigner(keys);

  return {
    async headers(count) {
      const iat = Math.floor(Date.now() / 1000);
      const headers: string[] = [];
      for (let i = 0; i < count; i++) {
        const claims = {
          iss: ISSUER,
          sub: randomUUID(),
          aud: AUDIENCE,
          client_id: 'tokenfence',
          iat,
          exp: iat + 3600,
          jti: randomUUID(),
          sid: randomUUID(),
          role: 'USER' as const,
          tokenVersion: 1,
          globalVersion: 1,
          auth_time: iat,
        };
        headers.push(`Bearer ${await sign(claims, generated.id)}`);
      }
      return headers;
    },

    async guardOver(log) {
      let isRead = false;
      // The source reads its log again from time to time. Here there is nothing new in it, and reading takes time.
      const readOnce: Log = (part) => {
        const reading = isRead ? Promise.resolve(true) : log(part);
        isRead = true;
        return reading;
      };
      const view = new View(Infinity, () => systemClock.now());
      const source = await createEmbeddedSource({
        log: { eachLive: readOnce },
        view,
        take: (entry) => void view.apply(entry),
        logger: createLogger('warn'),
        tokenTtl: 3600,
      });
      // With a current view this must not happen: it would be the benchmark of something else.
      const truth = { onUser: () => Promise.reject(new Error('The view was not asked.')) };
      const check = createCheck({
        sources: [source, createTruthSource({ truth })],
        clock: systemClock,
        clockSkew: 0,
      });
      const verify = createVerifier({
        keys,
        issuer: ISSUER,
        audience: AUDIENCE,
        clock: systemClock,
        clockSkew: 0,
      });
      return assembleGuard(verify, check, { clock: systemClock, clockSkew: 0 });
    },
  };
}

/** Checks the headers in turn. Returns the time of one check in ns. */
export async function nanoseconds(guard: Guard, headers: readonly string[], count: number): Promise<number> {
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) {
    const { ok } = await guard.authenticate(headers[i % headers.length]);
    if (!ok) throw new Error('A good token was refused.');
  }
  return ((performance.now() - startedAt) / count) * 1e6;
}
