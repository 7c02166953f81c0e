import { type Evil, startEvil, type Wickedness } from './evil';
import type { Fault, Maker } from './fault';
import { between } from './fault';
import type { Fleet, FleetNode } from './fleet';
import type { Random } from './random';
import type { Service } from './services';

// Each needs a service. The wire of a service and where it leads are claimed apart, so that a slow or silent service may
// lose its node meanwhile.

const wireOf = ({ name }: Service) => `wire of ${name}`;
const wayOf = ({ name }: Service) => `way of ${name}`;

const serviceFault =
  (
    what: string,
    leases: readonly [number, number],
    claimOf: (service: Service) => string,
    make: (service: Service, random: Random) => unknown,
    repair: (service: Service) => unknown,
  ): Maker =>
  ({ services }, random) => {
    const service = random.pick(services);
    return {
      name: `${service.name} ${what}`,
      claims: [claimOf(service)],
      leases: between(random, leases),
      make: () => make(service, random),
      repair: () => repair(service),
    };
  };

const itself = ({ name }: Service) => name;

const processFault = (
  what: string,
  make: (service: Service) => unknown,
  repair: (service: Service) => unknown,
) => serviceFault(what, [1.2, 4.2], itself, make, repair);

const wireFault = (what: string, make: (service: Service, random: Random) => unknown) =>
  serviceFault(what, [0.3, 3.3], wireOf, make, ({ wire }) => wire.restore());

const otherThan = ({ nodes }: Fleet, node: FleetNode, random: Random) =>
  random.pick(nodes.length > 1 ? nodes.filter((each) => each !== node) : nodes);

/** A service is moved to another node and back. */
const moved: Maker = (fleet, random) => {
  const service = random.pick(fleet.services);
  const { name, wire, home } = service;
  const other = otherThan(fleet, home, random);
  // The present connection is ended, or left half-open.
  const [howThere, howBack] = [random.chance(0.6), random.chance(0.6)];
  const move = (url: string, isEnded: boolean) => {
    if (!isEnded) wire.forget();
    if (isEnded) wire.redirect(url);
    else wire.lead(url);
  };
  return {
    name: `${name} moved to ${other.name}${howThere ? '' : ', half-open'}`,
    claims: [wayOf(service)],
    leases: between(random, [0.3, 2]),
    make: () => move(other.url, howThere),
    repair: () => move(home.url, howBack),
  };
};

/** All services at once are led to any nodes, as by a load balancer that restarts. */
const shuffled: Maker = ({ services, nodes }, random) => {
  const ways = services.map(({ wire, home }) => ({ wire, home, node: random.pick(nodes) }));
  return {
    name: 'all services led to other nodes at once',
    claims: services.map(wayOf),
    leases: between(random, [0.2, 1.5]),
    make: () => ways.forEach(({ wire, node }) => wire.redirect(node.url)),
    repair: () => ways.forEach(({ wire, home }) => wire.redirect(home.url)),
  };
};

interface Loss {
  readonly what: string;
  readonly lose: (node: FleetNode, followers: readonly Service[], lead: () => void) => unknown;
  readonly repair: (node: FleetNode) => unknown;
}

/** A node goes, and its services are led to another one, as by a load balancer. */
const nodeLost =
  ({ what, lose, repair }: Loss): Maker =>
  (fleet, random) => {
    const { home: node } = random.pick(fleet.services);
    const followers = fleet.services.filter(({ home }) => home === node);
    const other = otherThan(fleet, node, random);
    const isForcedBack = random.chance(0.5);
    return {
      name: `${node.name} ${what}, its services led to ${other.name}`,
      claims: [node.name, ...followers.map(wayOf)],
      // A node may be back before the grants of its last life are over.
      leases: random.chance(0.3) ? 0 : between(random, [0.2, 3]),
      make: () => lose(node, followers, () => followers.forEach(({ wire }) => wire.lead(other.url))),
      repair: async () => {
        await repair(node);
        for (const { wire, home } of followers) {
          if (isForcedBack) wire.redirect(home.url);
          else wire.lead(home.url);
        }
      },
    };
  };

const start = (node: FleetNode) => node.start();

/** The number of evil followers of one node at once. */
const GANG = 3;

/** Followers with the secret do harm to a node, from one address or from many. */
const evil =
  (how: Wickedness): Maker =>
  ({ nodes, secret, addresses }, random) => {
    const node = random.pick(nodes);
    const one = addresses();
    const isOne = random.chance(0.5);
    let gang: Evil[] = [];
    return {
      name: `followers of ${node.name} that do harm (${how}${isOne ? '' : ', from many addresses'})`,
      claims: [`followers of ${node.name}`],
      leases: between(random, [2, 5]),
      make: () => {
        const address = isOne ? () => one : addresses;
        gang = Array.from({ length: GANG }, (_, i) =>
          startEvil(how, { url: node.url, secret, address, random: random.fork(`evil ${i}`) }),
        );
      },
      repair: () => Promise.all(gang.map((each) => each.stop())),
    } satisfies Fault;
  };

/** The faults of followers that do harm. Whatever they do, no other service suffers. */
export const EVIL_FAULTS = {
  'evil follower lies': evil('lies'),
  'evil follower acks nothing': evil('acks nothing'),
  'evil follower acks late': evil('acks late'),
  'evil follower keeps its grants': evil('keeps its grants'),
  'evil follower reconnects': evil('reconnects'),
  'evil follower reads nothing': evil('reads nothing'),
} as const satisfies Record<string, Maker>;

/** The faults of services that follow a node. */
export const SERVICE_FAULTS = {
  'service killed': processFault(
    'killed',
    (service) => service.end('SIGKILL'),
    (service) => service.start(),
  ),
  'service restarted': processFault(
    'told to stop',
    (service) => service.end('SIGTERM'),
    (service) => service.start(),
  ),
  'service paused': processFault(
    'paused',
    (service) => service.signal('SIGSTOP'),
    (service) => service.signal('SIGCONT'),
  ),

  'service cut off': wireFault('cut off', ({ wire }) => wire.cut()),
  'service disconnected': wireFault('disconnected', ({ wire }) => wire.dropAll()),
  'service half-open': wireFault('half-open', ({ wire }) => wire.forget()),
  'service silent': wireFault('silent', ({ wire }) => wire.silence()),
  'service deaf': wireFault('without answers', ({ wire }) => wire.deafen()),
  'service mute': wireFault('unheard', ({ wire }) => wire.mute()),
  'service stalled': wireFault('stalled', ({ wire }) => wire.stall()),
  'service slow': wireFault('slow', ({ wire }, random) =>
    wire.slow(random.whole(5, 150), random.pick([0, 50, 200])),
  ),

  'service moved': moved,
  'services shuffled': shuffled,
  'followed node killed': nodeLost({
    what: 'killed',
    lose: async (node, _followers, lead) => {
      await node.end('SIGKILL');
      lead();
    },
    repair: start,
  }),
  'followed node killed unheard': nodeLost({
    what: 'killed, unheard by its services',
    lose: async (node, followers, lead) => {
      for (const { wire } of followers) wire.forget();
      await node.end('SIGKILL');
      lead();
    },
    repair: start,
  }),
  'followed node stopped': nodeLost({
    what: 'told to stop',
    lose: async (node, _followers, lead) => {
      lead();
      await node.end('SIGTERM');
    },
    repair: start,
  }),
  'followed node stopped unheard': nodeLost({
    what: 'told to stop, unheard by its services',
    lose: async (node, followers, lead) => {
      lead();
      for (const { wire } of followers) wire.forget();
      await node.end('SIGTERM');
    },
    repair: start,
  }),
  'followed node paused': nodeLost({
    what: 'paused',
    lose: (node, _followers, lead) => {
      node.signal('SIGSTOP');
      lead();
    },
    repair: (node) => node.signal('SIGCONT'),
  }),

  ...EVIL_FAULTS,
} as const satisfies Record<string, Maker>;
