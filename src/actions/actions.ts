import { findUsers, listAuditEvents, listSessions, listUsers } from './browse';
import { changePassword } from './change-password';
import { countWrite } from './count-write';
import { disableUser, enableUser, setRole } from './change-user';
import { deleteAccount } from './delete-account';
import type { Dependencies } from './dependencies';
import { hasForeignCookie } from './end-session';
import { forceLogout, forceLogoutAll, forceLogoutSession } from './force-logout';
import { introspect } from './introspect';
import { login } from './login';
import { logout } from './logout';
import { logoutEverywhere } from './logout-everywhere';
import { logoutOthers } from './logout-others';
import { logoutSession } from './logout-session';
import { refresh } from './refresh';
import { register } from './register';
import { revokeToken } from './revoke-token';
import { rotateSigningKey } from './rotate-signing-key';

export function createActions(deps: Dependencies) {
  return {
    countWrite: countWrite(deps),
    hasForeignCookie: hasForeignCookie(deps),
    findUsers: findUsers(deps),
    listUsers: listUsers(deps),
    listAuditEvents: listAuditEvents(deps),
    listSessions: listSessions(deps),
    register: register(deps),
    login: login(deps),
    refresh: refresh(deps),
    logout: logout(deps),
    logoutSession: logoutSession(deps),
    logoutOthers: logoutOthers(deps),
    logoutEverywhere: logoutEverywhere(deps),
    changePassword: changePassword(deps),
    deleteAccount: deleteAccount(deps),
    forceLogout: forceLogout(deps),
    forceLogoutSession: forceLogoutSession(deps),
    forceLogoutAll: forceLogoutAll(deps),
    disableUser: disableUser(deps),
    enableUser: enableUser(deps),
    setRole: setRole(deps),
    rotateSigningKey: rotateSigningKey(deps),
    introspect: introspect(deps),
    revokeToken: revokeToken(deps),
  };
}

export type Actions = ReturnType<typeof createActions>;
