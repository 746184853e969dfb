import type { Connection } from './connection.ts';
import { GREATEST_NUMBER } from './sequence.ts';

/** The id of the item in a row that a trigger sees. */
const idOf = (row: 'old' | 'new') => `printf('0%016x', ${row}.seq & ${GREATEST_NUMBER}) || ${row}.tail`;

/** A later change replaces the entry of an earlier one, and has a greater number. */
const note = (partition: bigint, kind: 'item' | 'key', name: string) =>
  `insert or replace into changes (partition, kind, name) values (${partition}, '${kind}', ${name});`;

const TRIGGERS = ['items_added', 'items_changed', 'items_removed', 'keys_added'] as const;

const triggerOf = (partition: bigint, name: (typeof TRIGGERS)[number]) => `${name}_in_${partition}`;

/**
 * Notes from now on which items and dedup keys of a partition change: in the transaction that changes them,
 * whatever statement does. A partition that does not move has no trigger, so its statements do no more than before.
 */
export function watchChanges(connection: Connection, partition: bigint): void {
  unwatchChanges(connection, partition);
  const [added, changed, removed, keys] = TRIGGERS.map((name) => triggerOf(partition, name));
  connection.exec(`
    create trigger ${added} after insert on items when new.partition = ${partition} begin
      ${note(partition, 'item', idOf('new'))}
    end;
    create trigger ${changed} after update on items when new.partition = ${partition} begin
      ${note(partition, 'item', idOf('old'))}
      ${note(partition, 'item', idOf('new'))}
    end;
    create trigger ${removed} after delete on items when old.partition = ${partition} begin
      ${note(partition, 'item', idOf('old'))}
    end;
    create trigger ${keys} after insert on keys when new.partition = ${partition} begin
      ${note(partition, 'key', 'new.key')}
    end;
  `);
}

/** Ends that, and forgets the changes. */
export function unwatchChanges(connection: Connection, partition: bigint): void {
  for (const name of TRIGGERS) connection.exec(`drop trigger if exists ${triggerOf(partition, name)}`);
  connection.run('delete from changes where partition = ?', partition);
}
