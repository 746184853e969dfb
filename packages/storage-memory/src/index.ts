export { MEMORY_CAPABILITIES, type MemoryBackendOptions, memoryBackend } from './memory-backend.ts';
export { driver } from './memory-driver.ts';
