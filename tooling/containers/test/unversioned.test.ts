import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UNVERSIONED_IMAGE } from '../src/images/server-image.ts';
import { root } from '../src/repository.ts';
import { podman } from './support/podman.ts';

it('prints the version of the package if it was built without one', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'apps/server/package.json'), 'utf8'));
  expect(await podman('run', '--rm', UNVERSIONED_IMAGE, 'version')).toBe(`querator ${version}`);
});
