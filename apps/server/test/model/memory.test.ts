import { SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describeModel } from './describe-model.ts';

describeModel('memory', () => (clock) => {
  const backend = memoryBackend({ name: 'memory', clock, random: new SeededRandom() });
  return { open: () => backend, close: () => backend.close() };
});
