import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import {
  FOLLOW_PATH,
  FOLLOW_PROTOCOL,
  type FollowerMessage,
  type GrantMessage,
  type NodeMessage,
} from '../../src/core/follow-messages';
import type { Random } from './random';

/**
 * What a stolen service does with the secret.
 *
 * - `lies`: reports positions that it has not, of any joining, and returns grants that it has not.
 * - `acks nothing`: follows, asks for grants, and never acknowledges.
 * - `acks late`: so that a confirmation waits, but never for as long as the node allows.
 * - `keeps its grants`: answers no take-back, says no farewell, and leaves the node waiting.
 * - `reconnects`: joins, takes a grant, and is gone.
 * - `reads nothing`: asks for the snapshot and reads none of it.
 */
export type Wickedness =
  'lies' | 'acks nothing' | 'acks late' | 'keeps its grants' | 'reconnects' | 'reads nothing';

export interface EvilOptions {
  readonly url: string;
  readonly secret: string;
  readonly address: () => string;
  readonly random: Random;
}

/** A follower that breaks the protocol, until it is told to stop. */
export interface Evil {
  stop(): Promise<void>;
}

/** ms between two heartbeats. */
const BEAT_INTERVAL = 60;

/** ms of its rest before it connects again. A node that is down refuses at once. */
const REST = 30;

/** ms that a connection of `reconnects` lives after its grant. */
const SHORT_LIFE = 20;

/** The most ms by which `acks late` is late. */
const LATENESS = 400;

interface Standing {
  joining: string;
  position: number;
  number: number;
}

type Say = (message: FollowerMessage) => void;

/** Some message that claims what is not so. */
function lie({ joining, position, number }: Standing, random: Random): FollowerMessage {
  const ahead = position + random.pick([1, 2, 10, 1e6, Number.MAX_SAFE_INTEGER - position]);
  const foreign = random.pick([joining, joining, 'another', joining.slice(1)]);
  return random.weighted<FollowerMessage>([
    [10, { type: 'ack', joining: foreign, position: ahead }],
    [
      10,
      { type: 'beat', joining: foreign, position: ahead, number: random.pick([0, number, number + 1000]) },
    ],
    [5, { type: 'returned', joining: foreign }],
    // The node closes the connection.
    [1, { type: 'join', epoch: joining, position: ahead }],
  ]);
}

const noMessage = () => undefined;

/** Answers what a node says. */
function listener(how: Wickedness, standing: Standing, random: Random, say: Say, end: () => void) {
  const ack = () => say({ type: 'ack', joining: standing.joining, position: standing.position });
  const onEntries: Record<Wickedness, () => unknown> = {
    lies: () => say(lie(standing, random)),
    'acks nothing': noMessage,
    'acks late': () => setTimeout(ack, random.whole(0, LATENESS)),
    'keeps its grants': ack,
    reconnects: noMessage,
    'reads nothing': noMessage,
  };
  const onGrant = ({ grant }: GrantMessage) => {
    if (how === 'reconnects' && grant > 0) setTimeout(end, random.whole(0, SHORT_LIFE));
    if (how === 'lies' && random.chance(0.3)) say(lie(standing, random));
  };
  return (message: NodeMessage) => {
    if (message.type === 'begin' || message.type === 'loaded') {
      standing.joining = message.joining;
      standing.position = message.position;
    } else if (message.type === 'entries') {
      // Who acks nothing says in its heartbeats too that it has nothing.
      if (how !== 'acks nothing') standing.position = message.position;
      onEntries[how]();
    } else if (message.type === 'grant') onGrant(message);
  };
}

/** Lives through one connection. */
async function connectOnce(how: Wickedness, options: EvilOptions, stop: AbortSignal): Promise<void> {
  const { url, secret, address, random } = options;
  const socket = new WebSocket(`${url}${FOLLOW_PATH}`, FOLLOW_PROTOCOL, {
    headers: { authorization: `Bearer ${secret}` },
    localAddress: address(),
    perMessageDeflate: false,
  });
  const standing: Standing = { joining: '', position: 0, number: 0 };
  const say: Say = (message) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const end = () => socket.terminate();
  const answer = listener(how, standing, random, say, end);
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => answer(JSON.parse(data.toString()) as NodeMessage));
  socket.on('open', () => {
    say({ type: 'join' });
    if (how === 'reads nothing') socket.pause();
  });
  const beating = setInterval(() => {
    if (standing.joining === '') return;
    standing.number += 1;
    say({ type: 'beat', ...standing });
    if (how === 'lies' && random.chance(0.5)) say(lie(standing, random));
  }, BEAT_INTERVAL);
  stop.addEventListener('abort', end);
  // A node may be paused.
  await new Promise((resolve) => socket.on('close', resolve));
  stop.removeEventListener('abort', end);
  clearInterval(beating);
}

export function startEvil(how: Wickedness, options: EvilOptions): Evil {
  const stop = new AbortController();
  const live = async () => {
    while (!stop.signal.aborted) {
      await connectOnce(how, options, stop.signal);
      await sleep(REST);
    }
  };
  const living = live();
  return {
    async stop() {
      stop.abort();
      await living;
    },
  };
}
