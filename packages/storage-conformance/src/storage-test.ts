import type { StorageCapabilities } from '@querator/core';
import { test } from 'vitest';
import type { StorageSetup } from './storage-setup.ts';
import { World } from './fixture.ts';

/** Declares tests that each get a world of their own. */
export interface StorageTest {
  (title: string, body: (world: World) => Promise<void>): void;
  /** A test of what only drivers with this capability promise; skipped for others. */
  ifCapable(
    capability: keyof StorageCapabilities,
    title: string,
    body: (world: World) => Promise<void>,
  ): void;
}

/** @param setup gives the setup of the suite; called only while tests run. */
export function makeStorageTest(setup: () => StorageSetup): StorageTest {
  const inWorld = async (body: (world: World) => Promise<void>) => {
    const world = await World.make(setup());
    try {
      await body(world);
    } finally {
      await world.close();
    }
  };
  const declare = (title: string, body: (world: World) => Promise<void>) => {
    test(title, () => inWorld(body));
  };
  const ifCapable: StorageTest['ifCapable'] = (capability, title, body) => {
    test(title, (context) =>
      inWorld(async (world) => {
        context.skip(
          !world.backend.capabilities[capability],
          `the driver does not claim to be ${capability}`,
        );
        await body(world);
      }),
    );
  };
  return Object.assign(declare, { ifCapable });
}
