import type { Screen } from './screen.ts';
import { storagesScreen } from './storages/storages-screen.tsx';

/** Every screen, in the order of the navigation. The first is the start. */
export const SCREENS: readonly Screen[] = [storagesScreen];
