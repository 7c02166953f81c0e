import type { Rule, Scenario } from './model';

const scenarios = {
  twoTabs: {
    name: 'two tabs',
    requests: [
      { does: 'refresh', session: 0 },
      { does: 'refresh', session: 0 },
    ],
  },
  thief: {
    name: 'a thief',
    requests: [
      { does: 'refresh', session: 0, times: 2 },
      { does: 'refresh', session: 0, steals: true },
    ],
    graceEnds: true,
  },
  everywhere: {
    name: 'a logout everywhere',
    requests: [
      { does: 'refresh', session: 0, times: 2 },
      { does: 'logoutEverywhere' },
      { does: 'login', session: 1 },
    ],
  },
  twice: {
    name: 'two logouts everywhere',
    requests: [{ does: 'logoutEverywhere' }, { does: 'logoutEverywhere' }, { does: 'login', session: 1 }],
  },
  all: {
    name: 'a logout of all users',
    requests: [
      { does: 'refresh', session: 0, times: 2 },
      { does: 'forceLogoutAll' },
      { does: 'login', session: 1 },
    ],
  },
  role: {
    name: 'a change of role',
    requests: [{ does: 'setRole' }, { does: 'refresh', session: 0 }, { does: 'login', session: 1 }],
  },
  roleAndEverywhere: {
    name: 'a change of role and a logout everywhere',
    requests: [{ does: 'setRole' }, { does: 'logoutEverywhere' }, { does: 'refresh', session: 0 }],
  },
  roleAndLogout: {
    name: 'a change of role and a logout',
    requests: [{ does: 'setRole' }, { does: 'logout', session: 0 }, { does: 'refresh', session: 0 }],
  },
  roles: {
    name: 'two changes of role',
    requests: [{ does: 'setRole' }, { does: 'setRole' }, { does: 'refresh', session: 0 }],
  },
  others: {
    name: 'a logout of the others',
    sessions: 2,
    requests: [
      { does: 'logoutOthers', session: 0 },
      { does: 'refresh', session: 0 },
      { does: 'refresh', session: 1 },
    ],
  },
  othersAndAnother: {
    name: 'two sessions that log each other out',
    sessions: 2,
    requests: [
      { does: 'logoutOthers', session: 0 },
      { does: 'logoutOthers', session: 1 },
      { does: 'refresh', session: 0 },
    ],
  },
  roleAndOthers: {
    name: 'a change of role and a logout of the others',
    sessions: 2,
    requests: [
      { does: 'setRole' },
      { does: 'logoutOthers', session: 0 },
      { does: 'refresh', session: 0 },
      { does: 'refresh', session: 1 },
    ],
  },
  roleAndLogin: {
    name: 'a change of role, a logout everywhere and a login',
    requests: [
      { does: 'setRole' },
      { does: 'logoutEverywhere' },
      { does: 'login', session: 1 },
      { does: 'refresh', session: 0, times: 2 },
    ],
  },
  roleAndAll: {
    name: 'a change of role and a logout of all users',
    requests: [
      { does: 'setRole' },
      { does: 'forceLogoutAll' },
      { does: 'login', session: 1 },
      { does: 'refresh', session: 0 },
    ],
  },
  logoutOfThief: {
    name: 'a logout beside a thief',
    requests: [
      { does: 'logout', session: 0 },
      { does: 'refresh', session: 0, times: 2 },
      { does: 'refresh', session: 0, steals: true },
    ],
    graceEnds: true,
  },
  time: {
    name: 'the time in the log',
    requests: [
      { does: 'logoutEverywhere' },
      { does: 'refresh', session: 0 },
      { does: 'refresh', session: 0 },
    ],
    time: true,
  },
} satisfies Record<string, Scenario>;

export const SCENARIOS: readonly Scenario[] = Object.values(scenarios);

/** A removed rule, and the scenario in which its absence breaks a promise. */
export const MUTANTS: readonly { readonly without: Rule; readonly in: Scenario }[] = [
  { without: 'a refresh compares the versions of session and user', in: scenarios.everywhere },
  { without: 'a refresh compares the global versions', in: scenarios.all },
  { without: 'a refresh compares the generation', in: scenarios.twoTabs },
  { without: 'a token carries the versions that its statement read', in: scenarios.everywhere },
  { without: 'a mismatch that a fresh look does not find is tried again', in: scenarios.role },
  { without: 'the token before is answered again within the grace', in: scenarios.twoTabs },
  { without: 'an older token is a theft', in: scenarios.thief },
  { without: 'a login locks the user', in: scenarios.role },
  { without: 'the user is locked before sessions are carried over', in: scenarios.role },
  { without: 'only what lived under the version before is carried over', in: scenarios.roleAndEverywhere },
  { without: 'the session that is kept gets a new salt', in: scenarios.others },
  { without: 'a logout of the others that was overtaken is run again', in: scenarios.roleAndOthers },
  { without: 'a session is ended however it stands with the versions', in: scenarios.roleAndLogout },
  { without: 'a raise counts from the row as it is', in: scenarios.twice },
  { without: 'an entry is kept for longer than a token lives', in: scenarios.time },
  { without: 'the life of an entry counts from its confirmation', in: scenarios.time },
];
