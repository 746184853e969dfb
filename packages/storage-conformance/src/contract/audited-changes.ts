import type { AccessTransaction, AuditStore, MakeAuditEvent, NewAuditEvent } from '@querator/core';
import { describe, expect } from 'vitest';
import { adding, newUser } from '../fixture/access-content.ts';
import { eventsOf, newEvent } from '../fixture/audit-content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import { newQueue } from '../fixture/new-queue.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const FAULT = new Error('this event cannot be made');
const failing: MakeAuditEvent = () => {
  throw FAULT;
};

/** The event of a change, and how to find out whether it was stored. */
function auditOf(fixture: Fixture, store: AuditStore) {
  const event = newEvent(fixture.name(), { namespace: fixture.name() });
  const stored = async (): Promise<readonly NewAuditEvent[]> => eventsOf(store, event.namespace);
  return { make: () => event, event, stored };
}

/** What the queue store and the access store promise about the events of their changes. */
export function describeAuditedChanges(test: StorageTest): void {
  describe('audit: the creation of a queue', () => {
    test.ofAudit('is stored together with its event', async (fixture, store) => {
      const { make, event, stored } = auditOf(fixture, store);
      const queue = await fixture.queues.create(newQueue(fixture.name()), undefined, make);
      expect(await fixture.queues.get(queue.name)).toEqual(queue);
      expect(await stored()).toMatchObject([event]);
    });

    test.ofAudit('has no event if it fails', async (fixture, store) => {
      const { make, stored } = auditOf(fixture, store);
      const [taken, dead, other] = [fixture.name(), fixture.name(), fixture.name()];
      await fixture.queues.create(newQueue(taken));
      await expect(fixture.queues.create(newQueue(taken), undefined, make)).rejects.toMatchObject({
        code: 'invalid',
      });
      const refuse = () => {
        throw FAULT;
      };
      const refused = fixture.queues.create(newQueue(other, { deadQueue: dead }), refuse, make);
      await expect(refused).rejects.toBe(FAULT);
      expect(await fixture.queues.get(other)).toBeUndefined();
      expect(await stored()).toEqual([]);
    });

    test.ofAudit('fails if its event cannot be made', async (fixture) => {
      const [name, dead] = [fixture.name(), fixture.name()];
      await expect(fixture.queues.create(newQueue(name), undefined, failing)).rejects.toBe(FAULT);
      await expect(
        fixture.queues.create(newQueue(name, { deadQueue: dead }), () => {}, failing),
      ).rejects.toBe(FAULT);
      expect(await fixture.queues.get(name)).toBeUndefined();
    });
  });

  describe('audit: the update of a queue', () => {
    test.ofAudit('is stored together with its event, which is made after it', async (fixture, store) => {
      const { event, stored } = auditOf(fixture, store);
      const { name } = await fixture.queues.create(newQueue(fixture.name(), { maxAttempts: 1 }));
      let after = '';
      const updated = await fixture.queues.update(
        name,
        (queue) => {
          after = String(queue.maxAttempts + 1);
          return { ...queue, maxAttempts: queue.maxAttempts + 1 };
        },
        undefined,
        () => ({ ...event, changes: [{ field: 'max_attempts', before: '1', after }] }),
      );
      expect(updated).toMatchObject({ maxAttempts: 2 });
      expect(await stored()).toMatchObject([{ changes: [{ after: '2' }] }]);
    });

    test.ofAudit('has no event if there is no queue, or if it fails', async (fixture, store) => {
      const { make, stored } = auditOf(fixture, store);
      const { name } = await fixture.queues.create(newQueue(fixture.name()));
      expect(await fixture.queues.update(fixture.name(), (queue) => queue, '', make)).toBeUndefined();
      const refuse = () => {
        throw FAULT;
      };
      await expect(fixture.queues.update(name, refuse, '', make)).rejects.toBe(FAULT);
      expect(await stored()).toEqual([]);
    });

    test.ofAudit('does not take effect if its event cannot be made', async (fixture) => {
      const before = await fixture.queues.create(newQueue(fixture.name()));
      const change = fixture.queues.update(
        before.name,
        (queue) => ({ ...queue, reference: 'x' }),
        '',
        failing,
      );
      await expect(change).rejects.toBe(FAULT);
      expect(await fixture.queues.get(before.name)).toEqual(before);
    });
  });

  describe('audit: the deletion of a queue', () => {
    test.ofAudit('is stored together with its event', async (fixture, store) => {
      const checks: (((usedBy: string | undefined) => void) | undefined)[] = [undefined, () => {}];
      for (const check of checks) {
        const { make, event, stored } = auditOf(fixture, store);
        const { name, createdAt } = await fixture.queues.create(newQueue(fixture.name()));
        expect(await fixture.queues.delete(name, createdAt, check, make)).toBe(true);
        expect(await fixture.queues.get(name)).toBeUndefined();
        expect(await fixture.queues.wasDeleted(name, createdAt)).toBe(true);
        expect(await stored()).toMatchObject([event]);
      }
    });

    test.ofAudit('has no event if it removes nothing, or if it fails', async (fixture, store) => {
      const { make, stored } = auditOf(fixture, store);
      const { name, createdAt } = await fixture.queues.create(newQueue(fixture.name()));
      const later = (createdAt + 1n) as typeof createdAt;
      for (const check of [undefined, () => {}]) {
        expect(await fixture.queues.delete(fixture.name(), undefined, check, make)).toBe(false);
        expect(await fixture.queues.delete(name, later, check, make)).toBe(false);
      }
      const refuse = () => {
        throw FAULT;
      };
      await expect(fixture.queues.delete(name, createdAt, refuse, make)).rejects.toBe(FAULT);
      expect(await stored()).toEqual([]);
    });

    test.ofAudit('does not take effect if its event cannot be made', async (fixture) => {
      const queue = await fixture.queues.create(newQueue(fixture.name()));
      const { name, createdAt } = queue;
      for (const check of [undefined, () => {}]) {
        await expect(fixture.queues.delete(name, createdAt, check, failing)).rejects.toBe(FAULT);
      }
      expect(await fixture.queues.get(name)).toEqual(queue);
      expect(await fixture.queues.wasDeleted(name, createdAt)).toBe(false);
    });
  });

  describe('audit: a change of access', () => {
    test.ofAuditedAccess(
      'is stored together with its event, which is made after it',
      async (fixture, stores) => {
        const { event, stored } = auditOf(fixture, stores.audit);
        const user = newUser(fixture.name());
        let id = '';
        const work = async (transaction: AccessTransaction) => {
          await transaction.addUser(user);
          id = user.id;
        };
        await stores.access.change(work, () => ({ ...event, object: { id } }));
        expect(await stores.access.user(user.id)).toEqual(user);
        expect(await stored()).toMatchObject([{ object: { id: user.id } }]);
      },
    );

    test.ofAuditedAccess('has no event if it fails', async (fixture, { access, audit }) => {
      const { make, stored } = auditOf(fixture, audit);
      const work = async () => {
        throw FAULT;
      };
      await expect(access.change(work, make)).rejects.toBe(FAULT);
      expect(await stored()).toEqual([]);
    });

    test.ofAuditedAccess('does not take effect if its event cannot be made', async (fixture, { access }) => {
      const user = newUser(fixture.name());
      const before = await access.generation();
      await expect(access.change(adding({ users: [user] }), failing)).rejects.toBe(FAULT);
      expect(await access.user(user.id)).toBeUndefined();
      expect(await access.generation()).toBe(before);
    });

    // "A transaction that changes nothing leaves it alone"
    test.ofAuditedAccess('leaves the generation alone if it is the event only', async (fixture, stores) => {
      const { make, event, stored } = auditOf(fixture, stores.audit);
      const before = await stores.access.generation();
      await stores.access.change(async () => {}, make);
      expect(await stores.access.generation()).toBe(before);
      expect(await stored()).toMatchObject([event]);
    });
  });
}
