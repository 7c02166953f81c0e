import { systemClock } from '../../src/core/clock';
import { type Link, PURPOSE_OF } from '../../src/core/link';
import type { MailKind } from '../../src/core/mail';
import type { StoredRefreshKey } from '../../src/core/ports/truth';
import { createLinkTokens } from '../../src/tokens/link';
import { createRefreshKeyRing } from '../../src/tokens/refresh-keys';
import { createSeal } from '../../src/tokens/sealing';
import { TEST_ENV, type World } from './world';

/** A row of the outbox. */
export interface WaitingMail {
  readonly kind: MailKind;
  readonly recipient: string;
  readonly userId: string | null;
  readonly tokenVersion: number | null;
  readonly data: Record<string, unknown>;
  readonly createdAt: Date;
}

/** Returns the outbox of a world in order, without the help of a sender. */
export const waitingMails = (world: Pick<World, 'sql'>): Promise<WaitingMail[]> =>
  world.sql(
    `select kind, recipient, user_id as "userId", token_version as "tokenVersion", data, created_at as "createdAt"
     from mails order by created_at, id`,
  );

/** The settings of a node that writes mails, for a server that is away. */
export const MAILING = { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'auth@example.com' };

/** Keeps the mails of a world in the outbox: none is due before tomorrow, so no sender takes it. */
export const holdMails = (world: Pick<World, 'sql'>) =>
  world.sql(`
    create function hold_mail() returns trigger language plpgsql as $$
      begin new.next_attempt_at = now() + interval '1 day'; return new; end $$;
    create trigger hold_mail before insert on mails for each row execute function hold_mail()`);

/** Makes the tokens of links as the nodes of this world would. @param lifetime s */
export async function linkMaker(world: Pick<World, 'sql'>) {
  const list = () =>
    world.sql<StoredRefreshKey>('select id, sealed_key as "sealedKey" from refresh_keys order by id');
  const keys = createRefreshKeyRing({ list, seal: createSeal(TEST_ENV.SECRET ?? ''), clock: systemClock });
  await keys.reload();
  const links = createLinkTokens(keys, systemClock);
  const make = (link: Link, lifetime = 3600, issuedAt = new Date()) =>
    links.make(link, { issuedAt, lifetime });
  return {
    make,
    /** The token in the link of a waiting mail. */
    of({ kind, recipient, userId, tokenVersion, createdAt }: WaitingMail, lifetime?: number): string {
      const purpose = PURPOSE_OF[kind];
      if (purpose === undefined || userId === null || tokenVersion === null)
        throw new Error(`A mail of the kind ${kind} to ${recipient} has no link.`);
      return make({ purpose, userId, email: recipient, tokenVersion }, lifetime, createdAt);
    },
  };
}
