import { accessScreen } from './access/access-screen.tsx';
import { auditScreen } from './audit/audit-screen.tsx';
import { deadLetterQueuesScreen } from './dead-letters/dead-letter-queues-screen.tsx';
import { deadLettersScreen } from './dead-letters/dead-letters-screen.tsx';
import { itemScreen } from './item/item-screen.tsx';
import { itemsScreen } from './items/items-screen.tsx';
import { queueScreen } from './queue/queue-screen.tsx';
import { queuesScreen } from './queues/queues-screen.tsx';
import { schedulesScreen } from './schedules/schedules-screen.tsx';
import type { Screen } from './screen.ts';
import { storagesScreen } from './storages/storages-screen.tsx';
import { taskScreen } from './tasks/task-screen.tsx';
import { tasksScreen } from './tasks/tasks-screen.tsx';

/** Every screen, in the order of the navigation. The first is the start. */
export const SCREENS: readonly Screen[] = [
  queuesScreen,
  queueScreen,
  itemsScreen,
  itemScreen,
  deadLettersScreen,
  deadLetterQueuesScreen,
  tasksScreen,
  taskScreen,
  schedulesScreen,
  storagesScreen,
  accessScreen,
  auditScreen,
];
