import type pg from 'pg';

/** Begins and ends this many writing transactions, as a busy database does over time. */
export async function letTransactionsPass(client: pg.Client, count: number): Promise<void> {
  await client.query('SET synchronous_commit = off');
  await client.query(
    `DO $$ BEGIN FOR n IN 1..${count} LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$`,
  );
  await client.query('RESET synchronous_commit');
}
