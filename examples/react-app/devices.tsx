import { gql, type TypedDocumentNode } from '@apollo/client';
import { useMutation, useQuery, useSubscription } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { session } from './session';

interface Device {
  id: string;
  current: boolean;
  userAgent: string | null;
  ipAddress: string | null;
  lastUsedAt: string;
}

const DEVICES: TypedDocumentNode<{ me: { id: string; sessions: Device[] } | null }> = gql`
  query Devices {
    me {
      id
      sessions(first: 100) {
        id
        current
        userAgent
        ipAddress
        lastUsedAt
      }
    }
  }
`;
const LOGOUT: TypedDocumentNode<unknown, { sessionId: string }> = gql`
  mutation Logout($sessionId: ID!) {
    logoutSession(sessionId: $sessionId) {
      confirmed
    }
  }
`;
const ENDED: TypedDocumentNode<unknown> = gql`
  subscription Ended {
    sessionEnded {
      sessionId
    }
  }
`;

/** The first name counts: Edge also calls itself Chrome, and Chrome Safari. */
const BROWSERS = { Edg: 'Edge', OPR: 'Opera', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' };
const SYSTEMS = {
  Android: 'Android',
  iPhone: 'iPhone',
  iPad: 'iPad',
  Windows: 'Windows',
  'Mac OS': 'macOS',
  Linux: 'Linux',
};

function nameOf({ userAgent }: Device): string {
  if (!userAgent) return 'Unknown device';
  const nameIn = (names: object) => Object.entries(names).find(([mark]) => userAgent.includes(mark))?.[1];
  return [nameIn(BROWSERS) ?? userAgent.split('/')[0], nameIn(SYSTEMS)].filter(Boolean).join(' on ');
}

const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
function timeOf({ lastUsedAt }: Device): string {
  const minutes = Math.round((Date.parse(lastUsedAt) - Date.now()) / 60_000);
  if (minutes > -60) return minutes < 0 ? ago.format(minutes, 'minute') : 'just now';
  return minutes > -1440
    ? ago.format(Math.round(minutes / 60), 'hour')
    : ago.format(Math.round(minutes / 1440), 'day');
}

/** The devices that the user is signed in on. It follows what the other devices do. */
export function Devices({ email, isOffline }: { email: string; isOffline: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [message, setMessage] = useState('');
  const { data, refetch } = useQuery(DEVICES, { fetchPolicy: 'cache-and-network' });
  const [logout] = useMutation(LOGOUT);
  const reload = () => void refetch().catch(() => undefined);
  // If it is this session that was ended, the session itself learns it as its socket closes.
  useSubscription(ENDED, { onData: reload });
  useEffect(() => {
    heading.current?.focus();
    addEventListener('focus', reload);
    return () => removeEventListener('focus', reload);
  }, []);

  const run = async (work: () => Promise<unknown>, done: string) => {
    try {
      await work();
      setMessage(done);
      reload();
      // The button that was pressed may be gone.
      heading.current?.focus();
    } catch (error) {
      setMessage((error as Error).message);
    }
  };
  const devices = data?.me?.sessions ?? [];
  const others = devices.filter(({ current }) => !current).length;

  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        Your devices
      </h1>
      <p>Signed in as {email}</p>
      <ul aria-busy={!data}>
        {devices.map((device) => (
          <li key={device.id}>
            <div>
              <strong>{nameOf(device)}</strong>
              <small>
                {device.current ? 'This device' : `${device.ipAddress ?? ''} · ${timeOf(device)}`}
              </small>
            </div>
            {!device.current && (
              <button
                aria-label={`Log out ${nameOf(device)}`}
                onClick={() =>
                  run(() => logout({ variables: { sessionId: device.id } }), 'The device is logged out.')
                }
              >
                Log out
              </button>
            )}
          </li>
        ))}
      </ul>
      <p className="message" role="status">
        {isOffline ? 'The server cannot be reached. Trying again…' : message}
      </p>
      <div className="buttons">
        <button
          className="primary"
          disabled={others === 0}
          onClick={() => run(() => session.logoutOthers(), 'All other devices are logged out.')}
        >
          Log out other devices
        </button>
        <button onClick={() => run(() => session.logout(), '')}>Sign out</button>
      </div>
    </>
  );
}
