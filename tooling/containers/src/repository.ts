import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root folder of the clone. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Downloads for tests that are no dependency of a package. Git ignores it. */
export const cache = join(root, '.tools', 'containers');
