import { type Helper, startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, note, perSecond, runBench, times } from './support/report';
import type { Check, ServiceOrder, ServiceResult } from './support/service';
import { inTurn, median, ratio } from './support/statistics';
import { withStores } from './support/stores';

const ROUNDS = 5;

/** ms */
const TURN = 1500;
const WARM_UP = 1500;

const CONNECTIONS = 16;
const TOKENS = 200;

const CHECKS: readonly Check[] = ['none', 'view', 'redis', 'stateless', 'sql'];
const DESCRIPTION: Record<Check, string> = {
  none: 'no check at all',
  view: 'the guard, following a node',
  redis: 'the guard with Redis at each request',
  stateless: 'jsonwebtoken alone, no revocation',
  sql: 'jsonwebtoken and one SQL query',
};

function compare(name: string, ours: readonly number[], theirs: readonly number[], least: number): Figure {
  const measured = ratio(ours, theirs);
  return { name, measured: times(measured), aim: aim(`>= ${least}`, measured >= least) };
}

const FRAMEWORKS = ['fastify', 'express'] as const;

runBench('guard: an authenticated query to a service, { me }', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const databaseUrl = await stores.database('fleet');
    const { redisUrl } = stores;
    const auth = await startNode({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
    const tokens = await signTokens(databaseUrl, await makePeople(databaseUrl, TOKENS));
    const load = startHelper<LoadOrder, LoadResult>('load');
    const services: Helper<ServiceOrder, ServiceResult>[] = [];
    const subjects: Record<string, () => Promise<number>> = {};
    for (const framework of FRAMEWORKS) {
      for (const check of CHECKS) {
        const service = startHelper<ServiceOrder, ServiceResult>('service');
        services.push(service);
        const { url } = await service.ask({ framework, check, authUrl: auth.url, redisUrl, databaseUrl });
        const requestsPerSecond = async (duration: number) => {
          const order = {
            url,
            query: '{ me }',
            tokens,
            connections: CONNECTIONS,
            duration,
            expected: '"me":',
          };
          const { answered, took } = await load.ask(order);
          return (answered / took) * 1000;
        };
        note(`warming up: ${framework}, ${check} …`);
        await requestsPerSecond(WARM_UP);
        subjects[`${framework} ${check}`] = () => requestsPerSecond(TURN);
      }
    }
    const results = await inTurn(ROUNDS, subjects);
    const of = (framework: string, check: Check) => results[`${framework} ${check}`] ?? [];
    const figures = FRAMEWORKS.flatMap((framework): Figure[] => [
      ...CHECKS.map((check) => ({
        name: `${framework}, ${DESCRIPTION[check]}`,
        measured: perSecond(median(of(framework, check))),
      })),
      compare(`${framework}: the view to no check`, of(framework, 'view'), of(framework, 'none'), 0.97),
    ]);
    figures.push(
      compare(
        'fastify: the view to jsonwebtoken alone',
        of('fastify', 'view'),
        of('fastify', 'stateless'),
        2,
      ),
      compare(
        'the view on fastify to the usual: SQL, on express',
        of('fastify', 'view'),
        of('express', 'sql'),
        5,
      ),
    );
    for (const service of services) service.stop();
    load.stop();
    await auth.stop();
    return figures;
  }),
);
