import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type pg from 'pg';
import { ConnectError } from '../errors/connect-error.ts';
import type { AuthMethod, RequiredAuth } from '../settings/required-auth.ts';

const CLEAR_TEXT =
  'the server asks for the password in clear text, over a connection that is not encrypted; ' +
  'set sslmode=require, or allow it with require_auth=password';

/** The rules for the methods that a server may use on a connection. */
export interface AuthenticationRules {
  readonly required: RequiredAuth | undefined;
  readonly encrypted: boolean;
  readonly socket: Socket;
  /** Ends the connection before the password is sent. */
  readonly refuse: (reason: Error) => void;
  /** Called before the password is sent in clear text over the network, which the rules allow. */
  readonly onClearText: () => void;
}

/**
 * Makes a client refuse a server that asks for authentication by a forbidden method.
 * Call it before the client connects.
 *
 * @returns a check to call once the connection is open. It throws if such a method was
 *   used.
 */
export function watchAuthentication(client: pg.Client, rules: AuthenticationRules): () => void {
  const { required, refuse } = rules;
  const { connection } = client as unknown as { readonly connection: EventEmitter };
  let used: AuthMethod = 'none';
  let fault: Error | undefined;
  const fail = (reason: Error) => {
    fault ??= reason;
    refuse(fault);
  };
  const check = (method: AuthMethod) => {
    if (required?.allows(method) !== false) return;
    fail(new ConnectError(`require_auth=${required.text}: the server uses the method ${method}`));
  };
  const asks = (event: string, method: AuthMethod, then: () => void = () => {}) => {
    connection.prependListener(event, () => {
      used = method;
      check(method);
      if (fault === undefined) then();
    });
  };
  asks('authenticationCleartextPassword', 'password', () => {
    if (rules.encrypted || isThisMachine(rules.socket)) return;
    if (required?.namesPassword) rules.onClearText();
    else fail(new Error(CLEAR_TEXT));
  });
  asks('authenticationMD5Password', 'md5');
  connection.prependListener('authenticationSASL', () => check('scram-sha-256'));
  // Only now has the server proven that it knows the password too.
  connection.prependListener('authenticationSASLFinal', () => {
    used = 'scram-sha-256';
  });
  connection.prependListener('authenticationOk', () => {
    if (fault === undefined) check(used);
  });
  // A server may send everything in one piece, which is read to its end even if refused.
  return () => {
    if (fault !== undefined) throw fault;
  };
}

/** Whether the data stays on this machine. */
function isThisMachine({ remoteAddress, remoteFamily }: Socket): boolean {
  // Both are undefined for a Unix socket.
  if (remoteFamily === undefined) return true;
  const address = remoteAddress ?? '';
  return /^(?:::ffff:)?127\./.test(address) || address === '::1';
}
