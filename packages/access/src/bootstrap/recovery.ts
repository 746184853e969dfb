import { type AccessStore, type Clock, type Random, silentLogger } from '@querator/core';
import { newKey } from '../keys/api-key-text.ts';
import { newRecordId } from '../keys/record-id.ts';
import { addAdmin } from './add-admin.ts';
import { bootstrap } from './bootstrap.ts';

/** An administrator that was created from the machine itself. */
export interface RecoveredAdmin {
  readonly username: string;
  readonly userId: string;
  /** The id of the key. */
  readonly id: string;
  /** The whole key, with its secret. */
  readonly key: string;
}

const NAME_LENGTH = 8;
const KEY_TAG = 'recovery';

/**
 * Creates a user with the role Admin in `_system` and a key that never expires,
 * for servers whose administrators cannot log in. Other records stay as they are.
 *
 * @throws StorageError
 */
export async function recoverAdmin(deps: {
  readonly store: AccessStore;
  readonly clock: Clock;
  readonly random: Random;
}): Promise<RecoveredAdmin> {
  const { store, clock, random } = deps;
  await bootstrap({ ...deps, logger: silentLogger, enforced: false });
  const { text, hash, prefix } = newKey(KEY_TAG, random);
  const username = `recovered-${random.base62(NAME_LENGTH)}`;
  const admin = { username, userId: newRecordId(clock, random), key: { name: 'recovery', hash, prefix } };
  const { userId, keyId } = await store.change((transaction) => addAdmin(transaction, deps, admin));
  if (keyId === undefined) throw new Error(`user '${username}' has the new key already`);
  return { username, userId, id: keyId, key: text };
}
