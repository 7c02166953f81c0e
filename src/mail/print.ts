import type { MailTransport } from '../core/ports/mails';

const RULE = '─'.repeat(72);

/** Prints mails instead of sending them, for a developer to open the links in them. @param write where to */
export const createPrintTransport = (write: (text: string) => void): MailTransport => ({
  send({ to, subject, text }) {
    write(`\n${RULE}\nMail to ${to}\nSubject: ${subject}\n\n${text.trimEnd()}\n${RULE}\n\n`);
    return Promise.resolve({ sent: true });
  },
});
