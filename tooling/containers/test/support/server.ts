import { type Client, createClient } from '@querator/client';
import { freePort } from '@querator/tooling-processes';
import { onTestFinished, vi } from 'vitest';
import { SERVER_IMAGE } from '../../src/images/server-image.ts';
import { podman, tryPodman } from './podman.ts';

/** A container of the server's image, with its port published to this machine. */
export interface ServerContainer {
  readonly name: string;
  readonly endpoint: string;
  readonly client: Client;
}

let count = 0;

/** Runs the image with podman's flags for one test, and waits until the server answers. */
export async function startServer(...flags: readonly string[]): Promise<ServerContainer> {
  const name = `server-${count++}`;
  const port = await freePort();
  onTestFinished(async () => void (await tryPodman('rm', '--force', '--volumes', '--time=0', name)));
  await podman('run', '--detach', '--name', name, `--publish=127.0.0.1:${port}:2319`, ...flags, SERVER_IMAGE);
  const endpoint = `http://127.0.0.1:${port}`;
  await answers(endpoint);
  return { name, endpoint, client: createClient({ endpoint }) };
}

/** Waits until a server answers, healthy or not. */
export async function answers(endpoint: string): Promise<void> {
  await vi.waitUntil(() => healthStatus(endpoint), { timeout: 60_000, interval: 100 });
}

/** The HTTP status of `GET /health`. Undefined without an answer. */
export async function healthStatus(endpoint: string): Promise<number | undefined> {
  try {
    return (await fetch(`${endpoint}/health`)).status;
  } catch {
    return undefined;
  }
}
