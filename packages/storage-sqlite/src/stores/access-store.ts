import {
  ACCESS_READS,
  type AccessStore,
  type AccessTransaction,
  type Grants,
  type KeyUse,
  type MakeAuditEvent,
  makeStore,
  type PortMembers,
  type UserKey,
} from '@querator/core';
import type { AccessWrites } from '../access/access-writes.ts';
import type { Database, OpenTransaction } from '../database/database.ts';
import { addEvent } from './add-event.ts';

const WRITES: PortMembers<AccessWrites> = {
  addNamespace: true,
  updateNamespace: true,
  removeNamespace: true,
  namespaceHasQueues: true,
  addUser: true,
  removeUser: true,
  addApiKey: true,
  updateApiKey: true,
  removeApiKey: true,
  addRole: true,
  updateRole: true,
  removeRole: true,
  addBinding: true,
  removeBinding: true,
  setQuota: true,
  removeQuota: true,
};

/** Users and their rights in a file; see core's `AccessStore`. Each read is one call of the same name. */
export function sqliteAccessStore(database: Database): AccessStore {
  const reads = makeStore(
    ACCESS_READS,
    (method) =>
      (...args: readonly unknown[]) =>
        database.read('readAccess', { method, args }),
  );
  return {
    ...reads,
    change: (work, audit) => change(database, work, audit),
    generation: () => database.read('accessGeneration', null),
    grants: (key: UserKey): Promise<Grants | undefined> => database.read('accessGrants', { key }),
    noteUses: (uses: readonly KeyUse[]) => database.call('noteKeyUses', { uses }),
    sessionKey: (candidate: string): Promise<string> => database.call('sessionKey', { candidate }),
  };
}

function change<T>(
  database: Database,
  work: (transaction: AccessTransaction) => Promise<T>,
  audit: MakeAuditEvent | undefined,
): Promise<T> {
  return database.transaction(async (open) => {
    const { transaction, hasChanged } = accessTransaction(open);
    const result = await work(transaction);
    if (hasChanged()) await open.call('raiseAccessGeneration', null);
    await addEvent(open, audit);
    return result;
  });
}

/** The port of an open transaction, and whether it has changed anything. */
function accessTransaction(open: OpenTransaction) {
  let changed = false;
  const reads = makeStore(
    ACCESS_READS,
    (method) =>
      (...args: readonly unknown[]) =>
        open.call('readAccess', { method, args }),
  );
  const writes = makeStore(WRITES, (method) => async (...args: readonly unknown[]) => {
    const result = await open.call('writeAccess', { method, args });
    // What adds or sets a record returns nothing, the others return whether there was one.
    if (method !== 'namespaceHasQueues' && result !== false) changed = true;
    return result;
  });
  return { transaction: { ...reads, ...writes }, hasChanged: () => changed };
}
