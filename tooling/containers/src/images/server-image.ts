import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { root } from '../repository.ts';
import { registryAccess } from './registry-access.ts';

/** The name under which compose.yaml looks for the image that it would build. */
export const SERVER_IMAGE = 'docker.io/library/querator-querator:latest';
/** What `querator version` has to say in it. */
export const SERVER_VERSION = '1.2.3-containers';
/** Built without a version: it says the package's. */
export const UNVERSIONED_IMAGE = 'docker.io/library/querator-unversioned:latest';

/** Builds docker/Dockerfile as it is, from the clone as it is. */
export async function buildServerImage(engine: Engine, image: string, version?: string): Promise<void> {
  const folder = join(engine.folder, 'secrets');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await engine.podman(
    'build',
    '--format=docker',
    // Each step's files would be copied for a cache that goes with the engine.
    '--layers=false',
    // A registry or a proxy may listen on this machine alone.
    '--network=host',
    ...(await registryAccess(folder)),
    ...(version === undefined ? [] : [`--build-arg=VERSION=${version}`]),
    `--file=${join(root, 'docker/Dockerfile')}`,
    `--tag=${image}`,
    root,
  );
}
