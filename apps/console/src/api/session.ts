import { signal } from '@preact/signals';
import { call, forbiddenCount, setApi, signedOutCount, unreachableSince } from './call.ts';
import { CallError } from './call-error.ts';
import type { Time } from './types.ts';

/** What the server tells before anything else: `config.json` beside the page. */
interface ConsoleConfig {
  /** Whether calls need an API key. */
  readonly access_control?: boolean;
  /** Where `v1/` and `v2/` are, relative to this page. */
  readonly api?: string;
  /** Where the page of the API is, relative to this one. Empty: nowhere. */
  readonly docs?: string;
}

/** The session of the cookie. */
interface SessionReply {
  readonly username?: string;
  readonly key_id?: string;
  readonly namespace_scope?: string;
  readonly write?: boolean;
  readonly expires_at?: Time;
}

/** Who uses the page, and what the session may do. */
export interface Session {
  /** `unknown`: the server has not said. `none`: a key is needed. `ended`: it ended while the page was open. */
  readonly state: 'unknown' | 'none' | 'ended' | 'open';
  /** Whether calls need an API key. */
  readonly accessControl: boolean;
  /** Whether the session may change anything. Without access control only the page keeps to that. */
  readonly write: boolean;
  /** The owner of the key. Empty: without access control there is none. */
  readonly username: string;
  /** The only namespace in which the key is valid. Empty: all. */
  readonly scope: string;
  /** Where the page of the API is. Empty: nowhere. */
  readonly docs: string;
}

const UNKNOWN: Session = {
  state: 'unknown',
  accessControl: true,
  write: false,
  username: '',
  scope: '',
  docs: '',
};

/** The present session. */
export const session = signal<Session>(UNKNOWN);

/** Raised by each new session: what was read with the old one is read again. */
export const sessionNumber = signal(0);

function open({ username = '', namespace_scope: scope = '', write = false }: SessionReply): void {
  session.value = { ...session.value, state: 'open', write, username, scope };
  sessionNumber.value++;
}

function end(): void {
  if (session.value.state === 'open') session.value = { ...session.value, state: 'ended', write: false };
}

signedOutCount.subscribe(end);

let isAsking = false;

// Without its cookie, which ends by itself, a request has no key: it is refused, but not as unauthenticated.
forbiddenCount.subscribe(() => {
  const { state, accessControl } = session.value;
  if (state !== 'open' || !accessControl || isAsking) return;
  isAsking = true;
  const done = () => {
    isAsking = false;
  };
  // A session that has ended counts as one sign-out more.
  call('v2/session.get', {}).then(done, done);
});

/** Asks the server whether there is a session. @throws CallError if it does not answer. */
export async function readSession(): Promise<void> {
  const { access_control: accessControl = true, api = '../', docs = '' } = await readConfig();
  setApi(api);
  const known = { ...UNKNOWN, accessControl, docs };
  if (!accessControl) {
    session.value = known;
    return open({});
  }
  try {
    const reply = await call<SessionReply>('v2/session.get', {});
    session.value = known;
    open(reply);
  } catch (error) {
    if (error instanceof CallError && error.passes) throw error;
    session.value = { ...known, state: 'none' };
  }
}

async function readConfig(): Promise<ConsoleConfig> {
  const unreachable = () => {
    unreachableSince.value ??= Date.now();
    return new CallError('unreachable', 'The server does not answer.');
  };
  try {
    const response = await fetch(new URL('config.json', document.baseURI), { cache: 'no-store' });
    if (!response.ok) throw unreachable();
    unreachableSince.value = undefined;
    return (await response.json()) as ConsoleConfig;
  } catch {
    throw unreachable();
  }
}

/** Opens a session that only reads. @param key the whole API key. It is sent once, and not kept. @throws CallError */
export async function signIn(key: string): Promise<void> {
  const headers = { Authorization: `Bearer ${key}` };
  open(await call<SessionReply>('v2/session.create', {}, { headers, isSignIn: true }));
}

/** Lets the session change things, or no longer. @throws CallError */
export async function allowChanges(write: boolean): Promise<void> {
  if (session.value.accessControl) open(await call<SessionReply>('v2/session.create', { write }));
  else session.value = { ...session.value, write };
}

/** Ends the session at the server. @throws CallError if that did not succeed; the session is then still open. */
export async function signOut(): Promise<void> {
  await call('v2/session.delete', {});
  session.value = { ...session.value, state: 'none', write: false, username: '' };
}
