import type { EventEmitter } from 'node:events';
import type pg from 'pg';

const REFUSAL =
  'channel_binding=require: the server did not prove that it knows the password on this channel';

/**
 * Makes a client refuse a server that authenticates it without channel binding. Call
 * it before the client connects. Without the binding there may be a man in the middle.
 * `pg` checks the server's proof, but accepts a server that sends none.
 *
 * @param refuse ends the connection before the password is sent.
 * @returns a check to call once the connection is open. It throws if there was no
 *   proof.
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
  // A server may send everything in one piece, which is read to its end even if refused.
  return () => {
    if (!proven) throw new Error(REFUSAL);
  };
}
