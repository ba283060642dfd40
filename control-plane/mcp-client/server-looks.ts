/** Keeps looks at servers from becoming a burden: so many at once on this replica, whoever asks for them. */
import { refuseInput } from '../graphql/input-refused.ts';
import { lookAtServer, type Look, type LookBounds } from './look-at-server.ts';
import type { OpenReach } from './open-reach.ts';

const LOOKS_MAX = 16;

export class ServerLooks {
  readonly bounds: LookBounds;
  #underWay = 0;

  constructor(bounds: LookBounds) {
    this.bounds = bounds;
  }

  /** Refuses when too many are under way. */
  async look(reach: OpenReach): Promise<Look> {
    if (this.#underWay >= LOOKS_MAX) throw refuseInput(null, 'CONFLICT', `${LOOKS_MAX} servers are being looked at`, 'try again in a moment');
    this.#underWay++;
    try {
      return await lookAtServer(reach, this.bounds);
    } finally {
      this.#underWay--;
    }
  }
}
