import { fork } from 'node:child_process';
import { join } from 'node:path';
import { note, print, type Report } from './support/report';

/** The benchmarks. Each runs in its own process, one after the other. */
const PROGRAMS = ['check', 'view', 'throughput', 'guard', 'confirm', 'revocations', 'writes', 'event-loop'];

function reportOf(name: string): Promise<Report> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, `${name}.js`));
    let report: Report | undefined;
    child.once('message', (message) => (report = message as Report));
    child.once('exit', () => {
      if (report) resolve(report);
      else reject(new Error(`${name} ended without a report.`));
    });
  });
}

async function main(): Promise<void> {
  const reports: Report[] = [];
  for (const name of PROGRAMS) {
    note(`${name} …`);
    reports.push(await reportOf(name));
  }
  print(reports);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
