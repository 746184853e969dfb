import { unisolated } from '@querator/tooling-vitest';

export default unisolated;
