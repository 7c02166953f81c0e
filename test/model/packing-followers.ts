import type { Bytes } from './packed-states';
import { bit, isThere, packList, unpackFlag, unpackList, unpackNumber } from './packing-parts';
import type { Follower, FollowerBeat, Grant, Host, Link, Sent } from './state-followers';

/* The followers' part of a state as bytes: see packing.ts. */

const BEAT_STAGES: readonly FollowerBeat['stage'][] = ['sent', 'answered'];

function packSent(bytes: Bytes, { joining, id, entries, position, whole }: Sent): void {
  bytes.put(joining, id, entries, position, bit(whole));
}
function unpackSent(bytes: Bytes): Sent {
  return {
    joining: bytes.take(),
    id: bytes.take(),
    entries: bytes.take(),
    position: bytes.take(),
    whole: unpackFlag(bytes),
  };
}

function packBeat(bytes: Bytes, beat: FollowerBeat | undefined): void {
  if (!isThere(bytes, beat)) return;
  bytes.put(BEAT_STAGES.indexOf(beat.stage), beat.joining, beat.position, beat.age, beat.grant, beat.tail);
}
function unpackBeat(bytes: Bytes): FollowerBeat | undefined {
  if (!unpackFlag(bytes)) return undefined;
  return {
    stage: BEAT_STAGES[bytes.take()]!,
    joining: bytes.take(),
    position: bytes.take(),
    age: bytes.take(),
    grant: bytes.take(),
    tail: bytes.take(),
  };
}

function packLeases(bytes: Bytes, { granted, lease, late }: Link): void {
  if (isThere(bytes, granted)) bytes.put(granted.joining, granted.left, granted.tail);
  if (isThere(bytes, lease)) bytes.put(lease.joining, lease.left, bit(lease.seemsOver));
  if (isThere(bytes, late)) bytes.put(late.joining, late.position);
}
function unpackLeases(bytes: Bytes): Pick<Link, 'granted' | 'lease' | 'late'> {
  return {
    granted: unpackFlag(bytes)
      ? { joining: bytes.take(), left: bytes.take(), tail: bytes.take() }
      : undefined,
    lease: unpackFlag(bytes)
      ? { joining: bytes.take(), left: bytes.take(), seemsOver: unpackFlag(bytes) }
      : undefined,
    late: unpackFlag(bytes) ? { joining: bytes.take(), position: bytes.take() } : undefined,
  };
}

function packLink(bytes: Bytes, link: Link): void {
  bytes.put(bit(link.isConnected), link.begun, link.rest);
  packList(bytes, link.sent, packSent);
  bytes.put(link.joining, link.id, link.position, bit(link.isWhole));
  packBeat(bytes, link.beat);
  packLeases(bytes, link);
}
function unpackLink(bytes: Bytes): Link {
  return {
    isConnected: unpackFlag(bytes),
    begun: bytes.take(),
    rest: bytes.take(),
    sent: unpackList(bytes, unpackSent),
    joining: bytes.take(),
    id: bytes.take(),
    position: bytes.take(),
    isWhole: unpackFlag(bytes),
    beat: unpackBeat(bytes),
    ...unpackLeases(bytes),
  };
}

export function packFollower(bytes: Bytes, { view, links, from, asleep }: Follower): void {
  bytes.put(view, bit(asleep));
  packList(bytes, links, packLink);
  if (isThere(bytes, from)) bytes.put(from.id, from.position);
}
export function unpackFollower(bytes: Bytes): Follower {
  return {
    view: bytes.take(),
    asleep: unpackFlag(bytes),
    links: unpackList(bytes, unpackLink),
    from: unpackFlag(bytes) ? { id: bytes.take(), position: bytes.take() } : undefined,
  };
}

function packGrant(bytes: Bytes, { follower, joining, left, position, isOld }: Grant): void {
  bytes.put(follower, joining, left, position, bit(isOld));
}
function unpackGrant(bytes: Bytes): Grant {
  return {
    follower: bytes.take(),
    joining: bytes.take(),
    left: bytes.take(),
    position: bytes.take(),
    isOld: unpackFlag(bytes),
  };
}

export function packHost(bytes: Bytes, { joining, first, began, recent, reported, grants }: Host): void {
  bytes.put(joining, first, began, reported);
  bytes.put(recent.length, ...recent);
  packList(bytes, grants, packGrant);
}
export function unpackHost(bytes: Bytes): Host {
  return {
    joining: bytes.take(),
    first: bytes.take(),
    began: bytes.take(),
    reported: bytes.take(),
    recent: unpackList(bytes, unpackNumber),
    grants: unpackList(bytes, unpackGrant),
  };
}
