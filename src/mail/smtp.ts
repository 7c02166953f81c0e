import type { ConnectionOptions } from 'node:tls';
import type { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { MailMessage, MailTransport, Sending, SendingFault } from '../core/ports/mails';

export interface SmtpOptions {
  /** smtp: or smtps: */
  readonly url: string;
  readonly from: { readonly name: string; readonly address: string };
  /** The right side of each Message-ID. */
  readonly domain: string;
  /** Other trusted certificates, for example. */
  readonly tls?: ConnectionOptions;
}

/** ms; for the connection and the greeting, and for each answer after that. */
const LONGEST_CONNECT = 10_000;
const LONGEST_ANSWER = 30_000;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Replies with 5xx that are about us or the order of commands, not about the mail (RFC 4954, RFC 5321). */
const NOT_ABOUT_THE_MAIL = [503, 530, 535];

/** What nodemailer adds to an error. */
interface SmtpError extends Error {
  readonly code?: string;
  /** The text of the server. */
  readonly response?: string | false;
  readonly responseCode?: number;
  readonly command?: string;
}

interface Server {
  readonly connection: SMTPConnection.Options;
  readonly credentials: { readonly user: string; readonly pass: string } | undefined;
}

function serverIn({ url, tls }: SmtpOptions): Server {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol.toLowerCase() === 'smtps:';
  const credentials =
    username === '' && password === ''
      ? undefined
      : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return {
    credentials,
    connection: {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      // Somebody between us and the server could hide that it offers TLS, and read the password.
      requireTLS: !secure && credentials !== undefined && !LOOPBACK.test(hostname),
      connectionTimeout: LONGEST_CONNECT,
      greetingTimeout: LONGEST_CONNECT,
      socketTimeout: LONGEST_ANSWER,
      logger: false,
      ...(tls && { tls }),
    },
  };
}

/**
 * Says what went wrong. Of a server's answer only the codes: its text may repeat the link, as a spam filter does, or the
 * password.
 */
function reasonOf({ response, command = 'the connection', message }: SmtpError): string {
  if (typeof response !== 'string') return message.slice(0, 200);
  const [codes = 'an invalid answer'] = /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3}(?=\s|$))?/.exec(response) ?? [];
  return `The mail server answered ${codes.replace('-', ' ')} to ${command}.`;
}

type Stage = 'connecting' | 'sending';

function faultOf(error: SmtpError, stage: Stage, content: Readable): SendingFault {
  const { code, command = '', responseCode } = error;
  if (stage === 'connecting') return 'away';
  if (responseCode !== undefined && responseCode >= 400) {
    const isAboutTheMail = /^(?:RCPT TO|DATA)/.test(command) && !NOT_ABOUT_THE_MAIL.includes(responseCode);
    return responseCode >= 500 && isAboutTheMail ? 'permanent' : 'temporary';
  }
  // Nodemailer itself refused the address.
  if (code === 'EENVELOPE') return 'permanent';
  return content.readableDidRead ? 'unanswered' : 'temporary';
}

const contentOf = ({ from, domain }: SmtpOptions, { id, to, subject, text, html }: MailMessage) =>
  new MailComposer({
    from,
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId: `<${id}@${domain}>`,
    // No robot should answer (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();

/**
 * Sends mails by SMTP, each over a connection of its own. So it is known how far an attempt came, and nothing but the
 * outbox repeats one.
 */
export function createSmtpTransport(options: SmtpOptions): MailTransport {
  const server = serverIn(options);

  const attempt = (message: MailMessage, signal: AbortSignal) =>
    new Promise<Sending>((resolve) => {
      const node = contentOf(options, message);
      const content = node.createReadStream();
      const connection = new SMTPConnection(server.connection);
      let stage: Stage = 'connecting';

      const end = (sending: Sending) => {
        signal.removeEventListener('abort', onAbort);
        resolve(sending);
        connection.close();
      };
      const fail = (error: SmtpError) => {
        end({ sent: false, fault: faultOf(error, stage, content), reason: reasonOf(error) });
      };
      /** Goes on, unless there was an error. */
      const then = (goOn: () => void) => (error?: SmtpError | null) => {
        if (error) fail(error);
        else goOn();
      };
      const onAbort = () => {
        fail(new Error('The attempt took too long, or this node is stopping.'));
      };
      const send = () => {
        stage = 'sending';
        connection.send(
          node.getEnvelope(),
          content,
          then(() => end({ sent: true })),
        );
      };
      const signIn = () => {
        if (!server.credentials) send();
        else if (!connection.allowsAuth) fail(new Error('The mail server offers no authentication.'));
        else connection.login({ credentials: server.credentials }, then(send));
      };
      connection.on('error', fail);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else connection.connect(then(signIn));
    });

  return {
    send: (message, signal) =>
      attempt(message, signal).catch((error: unknown) => ({
        sent: false,
        fault: 'temporary',
        reason: reasonOf(error as SmtpError),
      })),
  };
}
