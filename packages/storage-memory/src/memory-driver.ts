import type { StorageDriver } from '@querator/core';
import { MEMORY_CAPABILITIES, memoryBackend } from './memory-backend.ts';

/** The driver `memory`. It has no options. */
export const driver: StorageDriver<unknown> = {
  portVersion: 1,
  name: 'memory',
  capabilities: MEMORY_CAPABILITIES,
  options: (given) => {
    const issues = Object.keys(given).map((key) => ({
      path: [key],
      message: 'unknown key; this driver has no options',
    }));
    return issues.length > 0 ? { issues } : { value: {} };
  },
  create: (_options, { name, clock, random }) => memoryBackend({ name, clock, random }),
};
