import type { StorageCapabilities } from '@querator/core';
import { test } from 'vitest';
import { Fixture } from './fixture.ts';
import type { StorageSetup } from './storage-setup.ts';

/** Declares tests. Each gets a fixture of its own. */
export interface StorageTest {
  (title: string, body: (fixture: Fixture) => Promise<void>): void;
  /** A test that is skipped for drivers without this capability. */
  ifCapable(
    capability: keyof StorageCapabilities,
    title: string,
    body: (fixture: Fixture) => Promise<void>,
  ): void;
}

/** @param setup returns the setup of the suite. Only running tests call it. */
export function makeStorageTest(setup: () => StorageSetup): StorageTest {
  const withFixture = async (body: (fixture: Fixture) => Promise<void>) => {
    const fixture = await Fixture.make(setup());
    try {
      await body(fixture);
    } finally {
      await fixture.close();
    }
  };
  const declare = (title: string, body: (fixture: Fixture) => Promise<void>) => {
    test(title, () => withFixture(body));
  };
  const ifCapable: StorageTest['ifCapable'] = (capability, title, body) => {
    test(title, (context) =>
      withFixture(async (fixture) => {
        context.skip(
          !fixture.backend.capabilities[capability],
          `the driver does not claim to be ${capability}`,
        );
        await body(fixture);
      }),
    );
  };
  return Object.assign(declare, { ifCapable });
}
