import type { DataSource } from 'typeorm';
import type { Config } from '../config/config';
import { createAvailability } from '../core/availability';
import type { MailSender, MailTransport } from '../core/ports/mails';
import type { Metrics } from '../core/ports/metrics';
import type { LinkTokens } from '../core/ports/tokens';
import { compose } from '../mail/compose';
import { createPrintTransport } from '../mail/print';
import { startMailSender } from '../mail/sender';
import { createSmtpTransport } from '../mail/smtp';
import type { Templates } from '../mail/templates';
import { translating } from '../postgres/faults';
import { outboxIn } from '../postgres/outbox';
import type { Base } from './database';
import { tell } from './tell';
import { createLinkTokens } from '../tokens/link';
import type { RefreshKeyRing } from '../tokens/refresh-keys';

/** What actions need to cause mails, and to read the links in them. */
export interface Mail {
  readonly links: LinkTokens;
  readonly mailSender: MailSender;
  /** Whether mails leave this server at all. */
  readonly canMail: boolean;
  /** Returns the age of the oldest mail that waits, in ms; 0 for none. `undefined` if this server sends no mail. */
  readonly oldestMail: () => Promise<number | undefined>;
}

export interface MailParts {
  readonly dataSource: DataSource;
  readonly keys: RefreshKeyRing;
  readonly metrics: Metrics;
  readonly templates: Templates;
}

function transportOf(config: Config): MailTransport | undefined {
  const { delivery, from } = config.mail;
  const domain = new URL(config.appUrl).hostname;
  switch (delivery.way) {
    case 'smtp':
      return createSmtpTransport({ url: delivery.url, from, domain });
    case 'print':
      return createPrintTransport((text) => tell(config, text));
    case 'none':
      return undefined;
  }
}

/** Puts together what makes links and sends mails, and starts the sender of this node. */
export function assembleMail(
  { config, clock, logger, teardown }: Base,
  { dataSource, keys, metrics, templates }: MailParts,
): Mail {
  const links = createLinkTokens(keys, clock);
  const transport = transportOf(config);
  if (!transport)
    return {
      links,
      mailSender: { wake: () => undefined },
      canMail: false,
      oldestMail: () => Promise.resolve(undefined),
    };
  const outbox = translating(outboxIn(dataSource.manager));
  const mailSender = startMailSender({
    outbox,
    transport,
    compose: (mail) => compose(mail, { ...config, templates, links }),
    lifetimes: config,
    clock,
    metrics,
    logger,
    availability: createAvailability(logger, 'The mail server', 'Mails wait in the outbox until it is back.'),
  });
  teardown.add(() => mailSender.stop());
  return {
    links,
    mailSender,
    canMail: true,
    async oldestMail() {
      const oldest = await outbox.oldest();
      return oldest ? Math.max(0, clock.now() - oldest.getTime()) : 0;
    },
  };
}
