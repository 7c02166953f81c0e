import { useSyncExternalStore } from 'react';
import { Devices } from './devices';
import { session } from './session';
import { SignIn } from './sign-in';

/** What a person reads when a session has ended without their doing in this browser. */
const REASONS = {
  ended: 'You were signed out on another device, or your session has expired.',
  reused: 'You were signed out, because somebody else used your session. Change your password.',
  replaced: 'Another account signed in.',
  logout: 'You have signed out.',
};

export function App() {
  const state = useSyncExternalStore(session.subscribe, session.getSnapshot);
  if (state.status === 'restoring')
    return <p role="status">{state.fault ? 'The server cannot be reached. Trying again…' : 'One moment…'}</p>;
  if (state.status === 'signedOut') return <SignIn notice={state.reason && REASONS[state.reason]} />;
  return <Devices email={state.user.email} isOffline={state.status === 'reconnecting'} />;
}
