import { type AuditChange, type Caller, invalid, QueueError } from '@querator/core';
import {
  type endpointsV2,
  type Handlers,
  type Session,
  SUCCESS_REPLY,
  toTimestamp,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import { setCookie } from '../session/session-cookie.ts';
import type { SealedSession } from '../session/session-seal.ts';
import { SESSION_SECONDS, type Sessions } from '../session/sessions.ts';

const SCHEME = 'Bearer ';

/** The handlers of sessions. @param sessions undefined: there is nothing to log in to. */
export function sessionHandlers(
  sessions: Sessions | undefined,
): Handlers<(typeof endpointsV2)['session'], CallContext> {
  return {
    async create({ write }, context) {
      const { headers, caller, audit } = context;
      const { apiKey, expiresAt } = await credentialsOf(inUse(sessions), headers);
      const session = await inUse(sessions).start({ apiKey, write, expiresAt });
      context.replyHeaders = setCookie(session.cookie, SESSION_SECONDS, headers);
      audit?.add({ changes: [writeChange(write)] });
      return sent(session, caller);
    },
    async get(_, { headers, caller }) {
      const session = await inUse(sessions).of(headers);
      if (session === undefined) throw new QueueError('unauthenticated', 'there is no session');
      return sent(session, caller);
    },
    async delete(_, context) {
      inUse(sessions);
      context.replyHeaders = setCookie('', 0, context.headers);
      return SUCCESS_REPLY;
    },
  };
}

function inUse(sessions: Sessions | undefined): Sessions {
  if (sessions !== undefined) return sessions;
  throw invalid('there are no sessions: access control or the console is off');
}

/** The API key of a request, by its header, or else by its session, whose end stays. */
async function credentialsOf(
  sessions: Sessions,
  headers: CallHeaders,
): Promise<{ readonly apiKey: string; readonly expiresAt: SealedSession['expiresAt'] | undefined }> {
  const { authorization } = headers;
  if (authorization?.startsWith(SCHEME)) {
    return { apiKey: authorization.slice(SCHEME.length), expiresAt: undefined };
  }
  const session = await sessions.of(headers);
  if (session !== undefined) return session;
  throw new QueueError('unauthenticated', 'a session needs an API key in the header Authorization');
}

function writeChange(write: boolean): AuditChange {
  return { field: 'write', before: '', after: String(write) };
}

function sent({ write, expiresAt }: SealedSession, { principal }: Caller): Session {
  const { username, keyId = '', namespaceScope } = principal;
  return { username, keyId, namespaceScope, write, expiresAt: toTimestamp(expiresAt) };
}
