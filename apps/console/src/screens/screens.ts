import { accessScreen } from './access/access-screen.tsx';
import { auditScreen } from './audit/audit-screen.tsx';
import { queueScreen } from './queue/queue-screen.tsx';
import { queuesScreen } from './queues/queues-screen.tsx';
import { schedulesScreen } from './schedules/schedules-screen.tsx';
import type { Screen } from './screen.ts';
import { storagesScreen } from './storages/storages-screen.tsx';

/** Every screen, in the order of the navigation. The first is the start. */
export const SCREENS: readonly Screen[] = [
  queuesScreen,
  queueScreen,
  schedulesScreen,
  storagesScreen,
  accessScreen,
  auditScreen,
];
