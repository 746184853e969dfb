import type { Check, CheckedCall } from './check.ts';

const OFF: Check = {
  when: 'access control or the console is off',
  text: 'there are no sessions: access control or the console is off',
  broken: {},
};

/** The calls on the session of a browser. */
export const SESSION_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/session.create',
    good: {},
    steps: [
      OFF,
      {
        when: 'the request has neither an API key nor a session',
        text: 'a session needs an API key in the header Authorization',
        code: 'unauthenticated',
      },
    ],
  },
  {
    path: '/v2/session.get',
    good: {},
    steps: [
      OFF,
      { when: 'the request has no session', text: 'there is no session', code: 'unauthenticated' },
    ],
  },
  { path: '/v2/session.delete', good: {}, steps: [OFF] },
];
