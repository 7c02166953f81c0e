import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { eventually } from './eventually';

/** A real SMTP server that keeps what it accepted. */
export interface MailServer {
  /** For SMTP_URL. */
  readonly url: string;
  /** What it has accepted, in order. */
  readonly mails: readonly ParsedMail[];
  /** Waits for the newest mail to an address whose subject or text has this, and forgets nothing. */
  mailTo(address: string, text?: string): Promise<ParsedMail>;
  /** Counts the connections that are open. */
  readonly connections: () => Promise<number>;
  close(): Promise<void>;
}

const isTo = ({ to }: ParsedMail, address: string) =>
  [to ?? []].flat().some(({ value }) => value.some((each) => each.address === address));

/**
 * @param options those of smtp-server: `onRcptTo` refuses, for example
 * @param at the port; any free one if left out
 */
export async function startMailServer(options: SMTPServerOptions = {}, at = 0): Promise<MailServer> {
  const mails: ParsedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onData(stream, _session, callback) {
      simpleParser(stream).then((mail) => {
        mails.push(mail);
        callback();
      }, callback);
    },
    ...options,
  });
  // A client that breaks off is part of the tests.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    mailTo: (address, text = '') =>
      eventually(() => {
        const found = mails.findLast(
          (mail) => isTo(mail, address) && `${mail.subject}\n${mail.text}`.includes(text),
        );
        if (!found) throw new Error(`No mail to ${address} with "${text}".`);
        return Promise.resolve(found);
      }),
    connections: promisify(server.server.getConnections.bind(server.server)),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Returns the token in the link of a mail. */
export function tokenIn({ text = '' }: ParsedMail): string {
  const [, token] = /#token=([\w.-]+)/.exec(text) ?? [];
  if (token === undefined) throw new Error(`The mail has no link: ${text}`);
  return token;
}
