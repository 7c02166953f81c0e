import type { Principal } from '../guard/guard';
import type { Client } from './client';
import type { Dependencies } from './dependencies';
import { endOthersAndReissue } from './reissue';

/** Ends the caller's other sessions, and every token, and issues new tokens for this session. */
export const logoutOthers = (deps: Dependencies) => (principal: Principal, client: Client) =>
  endOthersAndReissue(deps, principal, client, 'OTHER_SESSIONS_ENDED');
