import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type pg from 'pg';
import { ConnectError } from '../errors/connect-error.ts';
import type { AuthMethod, RequiredAuth } from '../settings/required-auth.ts';

const CLEAR_TEXT =
  'the server asks for the password in clear text, over a connection that is not encrypted; ' +
  'set sslmode=require, or allow it with require_auth=password';

/** What decides which methods a server may use on a connection. */
export interface AuthenticationRules {
  readonly required: RequiredAuth | undefined;
  readonly encrypted: boolean;
  readonly socket: Socket;
  /** Ends the connection, before the password is sent. */
  readonly refuse: (reason: Error) => void;
  /** The password goes over the network in clear text, as was asked for. */
  readonly onClearText: () => void;
}

/**
 * Makes a client that is yet to connect give up a server that wants to know
 * the user by a method that is not allowed.
 *
 * @returns what throws, when called on the open connection, where it was.
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
  // Only then has the server proven that it knows the password too.
  connection.prependListener('authenticationSASLFinal', () => {
    used = 'scram-sha-256';
  });
  connection.prependListener('authenticationOk', () => {
    if (fault === undefined) check(used);
  });
  // What a server sends in one piece is read to its end, refused or not.
  return () => {
    if (fault !== undefined) throw fault;
  };
}

/** Whether what is sent stays on this machine. */
function isThisMachine({ remoteAddress, remoteFamily }: Socket): boolean {
  // A Unix socket has neither.
  if (remoteFamily === undefined) return true;
  const address = remoteAddress ?? '';
  return /^(?:::ffff:)?127\./.test(address) || address === '::1';
}
