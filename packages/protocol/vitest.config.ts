export { base as default } from '@querator/tooling-vitest';
