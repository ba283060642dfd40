/** What every implementation of the session book promises, run over each of them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BookedSession, SessionBook } from '../../data-plane/sessions/session-book.ts';

export interface SessionBookRig {
  readonly book: SessionBook;
  /** The book as another node has it. */
  readonly elsewhere: SessionBook;
  close(): Promise<void>;
}

const healed = (upstreamSessionId: string) => ({ kind: 'healed', upstreamSessionId });
const ended = { kind: 'ended' };

export function describeSessionBook(name: string, open: () => Promise<SessionBookRig>): void {
  describe(name, () => {
    let rig: SessionBookRig;
    beforeAll(async () => {
      rig = await open();
    });
    afterAll(() => rig?.close());

    test('nothing is known of a session that nothing befell', async () => {
      expect(await rig.book.find(newSession())).toBeUndefined();
    });

    test('what one node healed, the others find, as often as it is healed', async () => {
      const session = newSession();
      expect(await rig.book.heal(session, session.upstreamSessionId, 'second')).toEqual(healed('second'));
      expect(await rig.elsewhere.find(session)).toEqual(healed('second'));
      expect(await rig.elsewhere.heal(session, 'second', 'third')).toEqual(healed('third'));
      expect(await rig.book.find(session)).toEqual(healed('third'));
    });

    test('of two nodes that heal at the same time one wins, and both hear which', async () => {
      const session = newSession();
      const { upstreamSessionId } = session;
      const [one, other] = await Promise.all([rig.book.heal(session, upstreamSessionId, 'mine'), rig.elsewhere.heal(session, upstreamSessionId, 'yours')]);
      expect(one).toEqual(other);
      expect(await rig.book.find(session)).toEqual(one);
    });

    test('a session that was ended is never healed', async () => {
      const session = newSession();
      await rig.book.heal(session, session.upstreamSessionId, 'second');
      await rig.book.end(session);
      expect(await rig.elsewhere.heal(session, 'second', 'third')).toEqual(ended);
      expect(await rig.elsewhere.find(session)).toEqual(ended);
    });

    test.each([{ organisationId: 'org_2' }, { serverId: 'srv_2' }, { apiKeyId: 'key_2' }])('an entry is nobody else’s: %o', async (other) => {
      const session = newSession();
      await rig.book.end(session);
      expect(await rig.book.find({ ...session, ...other })).toBeUndefined();
    });
  });
}

function newSession(): BookedSession {
  return { organisationId: 'org_1', serverId: 'srv_1', apiKeyId: 'key_1', upstreamSessionId: randomUUID() };
}
