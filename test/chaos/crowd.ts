import { setTimeout as sleep } from 'node:timers/promises';
import type { Checker, Fleet, FleetNode } from './fleet';
import type { Token } from './ledger';
import { createPopulation, type Population, type Scene, type Session } from './population';
import type { Random } from './random';
import { ACTIONS } from './actions';
import { keepRefreshing } from './refreshers';
import { refresh } from './refreshes';
import { AFTER_TROUBLE } from './requests';
import { login, register } from './sessions';
import type { Tally } from './tally';
import type { Witness } from './witness';

export interface CrowdOptions {
  readonly fleet: Fleet;
  readonly witness: Witness;
  readonly tally: Tally;
  readonly random: Random;
  readonly users: number;
  /** The number of acting clients at each node. */
  readonly actors: number;
  /** The number of clients at each node, and at each service, that only present tokens. */
  readonly auditors: number;
  /** The number of clients at each node that only refresh, at any node. */
  readonly refreshers: number;
}

export interface Crowd {
  readonly population: Population;
  /** Makes the users. */
  gather(): Promise<void>;
  /** Runs all clients until `stop`. Resolves when the last request has been answered. */
  act(stop: AbortSignal): Promise<void>;
}

/** The limit of pending requests to one node or service without a waiting client. A paused one reaches it. */
const MOST_UNDER_WAY = 24;

/** The usual number of sessions of a user. */
const SESSIONS = 2;

/** The number of newest ended tokens from which an auditor mostly chooses. */
const NEWEST = 60;

/** The pause of an auditor between two requests, in ms. */
const BETWEEN_AUDITS = 8;

async function actOnce(scene: Scene): Promise<void> {
  const { population, random } = scene;
  const { users, sessions } = population;
  const idle = [...sessions].filter(({ busy }) => !busy);
  if (idle.length === 0 || sessions.size < SESSIONS * users.length) {
    const candidates = users.filter(({ out }) => !out);
    const user = candidates.length > 0 ? random.pick(candidates) : undefined;
    const session = user && (await login(scene, user));
    if (session) sessions.add(session);
    else await sleep(AFTER_TROUBLE);
    return;
  }
  const session = random.pick(idle);
  session.busy = true;
  try {
    await useOnce(scene, session);
  } finally {
    session.busy = false;
  }
}

async function useOnce(scene: Scene, session: Session): Promise<void> {
  const { random, witness, node } = scene;
  const way = random.next();
  if (way < 0.12) {
    await refresh(scene, session);
  } else if (way < 0.4) {
    const { verdict } = await witness.present(session.token, node, random.pick(['check', 'me']));
    if (verdict === 'REVOKED') await refresh(scene, session);
    if (verdict === 'UNAVAILABLE') await sleep(AFTER_TROUBLE);
  } else {
    await random.weighted(ACTIONS)(scene, session);
  }
}

/** Presents tokens to one node or service: mostly tokens that must be refused, sometimes a good one. */
async function audit({ population, random, witness, stop }: Scene, checker: Checker): Promise<void> {
  while (!stop.aborted) {
    const { ended, sessions } = population;
    const token =
      ended.length > 0 && random.chance(0.75)
        ? random.pick(random.chance(0.8) ? ended.slice(-NEWEST) : ended)
        : sessions.size > 0 && random.pick([...sessions]).token;
    const verdict = token && (await witness.present(token, checker)).verdict;
    await sleep(verdict === 'UNAVAILABLE' ? AFTER_TROUBLE : BETWEEN_AUDITS);
  }
}

export function createCrowd(options: CrowdOptions): Crowd {
  const { fleet, witness, tally, random, users, actors, auditors, refreshers } = options;
  const { nodes, services, checkers } = fleet;
  const population = createPopulation();
  const underWay = new Map<Checker, Set<Promise<unknown>>>(checkers.map((each) => [each, new Set()]));

  const checkEverywhere = (tokens: readonly Token[]) => {
    for (const [checker, requests] of underWay) {
      for (const token of tokens) {
        if (requests.size >= MOST_UNDER_WAY) break;
        const request = witness.present(token, checker).finally(() => requests.delete(request));
        requests.add(request);
      }
    }
  };
  const sceneAt = (node: FleetNode, name: string, stop: AbortSignal): Scene => ({
    node,
    nodes,
    random: random.fork(name),
    population,
    witness,
    tally,
    stop,
    checkEverywhere,
  });
  const atEachNode = (count: number, what: string, stop: AbortSignal) =>
    nodes.flatMap((node) =>
      Array.from({ length: count }, (_, i) => sceneAt(node, `${what} ${i} at ${node.name}`, stop)),
    );

  return {
    population,
    async gather() {
      const scenes = atEachNode(1, 'gathering', AbortSignal.abort());
      const makeSome = async (scene: Scene) => {
        while (population.users.length < users) await register(scene);
      };
      await Promise.all(scenes.map(makeSome));
    },
    async act(stop) {
      const acting = atEachNode(actors, 'actor', stop).map(async (scene) => {
        while (!stop.aborted) await actOnce(scene);
      });
      const auditing = atEachNode(auditors, 'auditor', stop).map((scene) => audit(scene, scene.node));
      const auditingServices = services.flatMap((service) =>
        Array.from({ length: auditors }, (_, i) =>
          audit(sceneAt(service.home, `auditor ${i} at ${service.name}`, stop), service),
        ),
      );
      const refreshing = atEachNode(refreshers, 'refresher', stop).map(keepRefreshing);
      await Promise.all([...acting, ...auditing, ...auditingServices, ...refreshing]);
      await Promise.all([...underWay.values()].flatMap((requests) => [...requests]));
    },
  };
}
