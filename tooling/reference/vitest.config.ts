export { unisolated as default } from '@querator/tooling-vitest';
