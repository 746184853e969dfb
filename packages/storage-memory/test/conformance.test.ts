import { describeStorage } from '@querator/storage-conformance';
import { memoryBackend } from '../src/index.ts';

describeStorage('memory', () => ({
  open: (options) => memoryBackend({ name: 'memory', ...options }),
}));
