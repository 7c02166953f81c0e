export type { Actions } from './actions.js';
export type { LogoutReceipt } from './api.js';
export type { Clock } from './clock.js';
export { SessionError } from './errors.js';
export type { Channel, Locks, Page, Platform } from './platform.js';
export { createSession, type DefaultUser, type Session, type SessionOptions } from './session.js';
export type { SocketOptions } from './socket.js';
export type { EndReason, SessionState, SessionUser } from './state.js';
