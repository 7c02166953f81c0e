/** The result of one check. */
export interface Finding {
  /** `well`; `note` for what works, but the operator should know; `fault` for what has to be fixed. */
  readonly level: 'well' | 'note' | 'fault';
  readonly subject: 'Settings' | 'Postgres' | 'Redis' | 'Clock';
  /** What was found and, unless all is well, what to do about it. */
  readonly text: string;
}

type Make = (subject: Finding['subject'], text: string) => Finding;

export const well: Make = (subject, text) => ({ level: 'well', subject, text });
export const note: Make = (subject, text) => ({ level: 'note', subject, text });
export const fault: Make = (subject, text) => ({ level: 'fault', subject, text });

const MARKS = { well: 'ok   ', note: 'note ', fault: 'FAULT' };

/** Formats a finding as a line for a person. */
export const lineOf = ({ level, subject, text }: Finding): string => `${MARKS[level]}  ${subject}: ${text}\n`;

export async function collect(found: AsyncIterable<Finding>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of found) findings.push(finding);
  return findings;
}
