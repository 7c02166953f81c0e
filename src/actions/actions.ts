import { findUsers, listAuditEvents, listSessions, listUsers } from './browse';
import { acceptInvitation } from './accept-invitation';
import { changePassword } from './change-password';
import { confirmEmailChange } from './confirm-email-change';
import { confirmPassword } from './confirm-password';
import { createUser } from './create-user';
import { countWrite } from './count-write';
import { disableUser, enableUser, setRole } from './change-user';
import { deleteAccount } from './delete-account';
import { deleteUser } from './delete-user';
import type { Dependencies } from './dependencies';
import { endTokens } from './end-tokens';
import { hasForeignCookie } from './end-session';
import { forceLogout, forceLogoutAll, forceLogoutSession } from './force-logout';
import { introspect } from './introspect';
import { inviteUser } from './invite-user';
import { login } from './login';
import { logout } from './logout';
import { logoutEverywhere } from './logout-everywhere';
import { logoutOthers } from './logout-others';
import { logoutSession } from './logout-session';
import { refresh } from './refresh';
import { register } from './register';
import { requestEmailChange } from './request-email-change';
import { requestEmailVerification } from './request-email-verification';
import { requestPasswordReset } from './request-password-reset';
import { resetPassword } from './reset-password';
import { revokeSubject } from './revoke-subject';
import { revokeToken } from './revoke-token';
import { rotateSigningKey } from './rotate-signing-key';
import { sendPasswordReset } from './send-password-reset';
import { verifyEmail } from './verify-email';

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
    confirmPassword: confirmPassword(deps),
    deleteAccount: deleteAccount(deps),
    requestPasswordReset: requestPasswordReset(deps),
    resetPassword: resetPassword(deps),
    requestEmailVerification: requestEmailVerification(deps),
    verifyEmail: verifyEmail(deps),
    requestEmailChange: requestEmailChange(deps),
    confirmEmailChange: confirmEmailChange(deps),
    acceptInvitation: acceptInvitation(deps),
    endTokens: endTokens(deps),
    forceLogout: forceLogout(deps),
    forceLogoutSession: forceLogoutSession(deps),
    forceLogoutAll: forceLogoutAll(deps),
    disableUser: disableUser(deps),
    enableUser: enableUser(deps),
    setRole: setRole(deps),
    createUser: createUser(deps),
    inviteUser: inviteUser(deps),
    deleteUser: deleteUser(deps),
    sendPasswordReset: sendPasswordReset(deps),
    rotateSigningKey: rotateSigningKey(deps),
    introspect: introspect(deps),
    revokeSubject: revokeSubject(deps),
    revokeToken: revokeToken(deps),
  };
}

export type Actions = ReturnType<typeof createActions>;
