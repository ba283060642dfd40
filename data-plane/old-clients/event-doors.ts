/** The doors that are open on this node, by the ids that their clients post messages with. */
import { Refusal } from '../../shared/refusal.ts';
import type { Outcome } from '../evidence.ts';
import type { SessionIds, SessionOwner } from '../mcp/session-ids.ts';
import { endpointOf } from './door-path.ts';
import { EventDoor, type DoorParts } from './event-door.ts';

const NOBODY = { name: null, version: null } as const;

export class EventDoors {
  readonly #ids: SessionIds;
  readonly #doors = new Map<string, EventDoor>();

  /** Ids of doors are minted as those of sessions are, but with a key of their own: neither opens what the other does. */
  constructor(ids: SessionIds) {
    this.#ids = ids;
  }

  /** Opens a door for an old client, and resolves when its stream has ended. */
  open(parts: Omit<DoorParts, 'onEnd'>): Promise<Outcome> {
    return new Promise((resolve) => {
      const door = new EventDoor({
        ...parts,
        onEnd: (outcome) => {
          this.#doors.delete(door.id);
          resolve(outcome);
        },
      });
      this.#doors.set(door.id, door);
      door.open(endpointOf(parts.exchange, this.#ids.mintHere(door.owner, door.id, NOBODY, null)));
    });
  }

  /** A door of another key or server is answered exactly as one that never was, and as one that is closed. */
  find(id: string, owner: SessionOwner): EventDoor {
    const door = this.#doors.get(this.#ids.read(id, owner)?.upstreamSessionId ?? '');
    if (door !== undefined) return door;
    throw new Refusal('mcp_not_found', 'unknown_session', 'there is no such stream; open one with GET');
  }
}
