import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { root } from '../repository.ts';
import { registryAccess } from './registry-access.ts';

/** The name of the image that compose.yaml would build. */
export const SERVER_IMAGE = 'docker.io/library/querator-querator:latest';
/** The version that `querator version` must print. */
export const SERVER_VERSION = '1.2.3-containers';
/** Built without a version, so that it prints that of the package. */
export const UNVERSIONED_IMAGE = 'docker.io/library/querator-unversioned:latest';

/** Builds the unchanged docker/Dockerfile from the clone. */
export async function buildServerImage(engine: Engine, image: string, version?: string): Promise<void> {
  const folder = join(engine.folder, 'secrets');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await engine.podman(
    'build',
    '--format=docker',
    // Without a cache, which would copy each step's files and be removed with the engine.
    '--layers=false',
    // A registry or a proxy may listen only on this machine.
    '--network=host',
    ...(await registryAccess(folder)),
    ...(version === undefined ? [] : [`--build-arg=VERSION=${version}`]),
    `--file=${join(root, 'docker/Dockerfile')}`,
    `--tag=${image}`,
    root,
  );
}
