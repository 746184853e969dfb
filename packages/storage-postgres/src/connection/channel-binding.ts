import type { EventEmitter } from 'node:events';
import type pg from 'pg';

const REFUSAL =
  'channel_binding=require: the server did not prove that it knows the password on this channel';

/**
 * Makes a client that is yet to connect give up a server that lets it in
 * without a bound proof: one in the middle could. node-postgres checks the
 * proof when the server sends one, and does without when it does not.
 *
 * @param refuse ends the connection, before the password is sent.
 * @returns what throws, when called on the open connection, where there was no proof.
 */
export function demandChannelBinding(client: pg.Client, refuse: (reason: Error) => void): () => void {
  const { connection } = client as unknown as { readonly connection: EventEmitter };
  let offered = false;
  let proven = false;
  const require = (fulfilled: boolean) => {
    if (!fulfilled) refuse(new Error(REFUSAL));
  };
  connection.prependListener(
    'authenticationSASL',
    ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
      offered = mechanisms.includes('SCRAM-SHA-256-PLUS');
      require(offered);
    },
  );
  connection.prependListener('authenticationSASLFinal', () => {
    proven = offered;
  });
  for (const event of ['authenticationCleartextPassword', 'authenticationMD5Password']) {
    connection.prependListener(event, () => require(false));
  }
  connection.prependListener('authenticationOk', () => require(proven));
  // What a server sends in one piece is read to its end, refused or not.
  return () => {
    if (!proven) throw new Error(REFUSAL);
  };
}
