import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the clone. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** What was fetched for tests and is no dependency of a package; git ignores it. */
export const cache = join(root, '.tools', 'containers');
