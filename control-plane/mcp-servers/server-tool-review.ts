/** How a server wants its tools looked after: what waits for a review, what a change means, and how often they are discovered. */
import type { ToolReview } from '../../shared/tool-pins.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import type { McpServer } from './mcp-server.entity.ts';

/** Absent means unchanged; null takes the schedule away. */
export interface ToolReviewInput {
  readonly review?: ToolReview;
  readonly changeMode?: 'ENFORCE' | 'OBSERVE';
  readonly discoveryMinutes?: number | null;
}

const MINUTES_MIN = 5;
const MINUTES_MAX = 43_200;

/** A new schedule begins at once. */
export function reviewChanges(server: McpServer, { review, changeMode, discoveryMinutes }: ToolReviewInput): Partial<McpServer> {
  if (discoveryMinutes != null && (discoveryMinutes < MINUTES_MIN || discoveryMinutes > MINUTES_MAX))
    throw refuseInput(['discoveryMinutes'], 'OUT_OF_RANGE', `discoveryMinutes must be from ${MINUTES_MIN} to ${MINUTES_MAX}`);
  const isNewSchedule = discoveryMinutes !== undefined && discoveryMinutes !== (server.toolDiscoveryMinutes ?? null);
  return {
    ...(review === undefined ? {} : { toolReview: review }),
    ...(changeMode === undefined ? {} : { toolChangeMode: changeMode }),
    ...(isNewSchedule ? { toolDiscoveryMinutes: discoveryMinutes, toolDiscoveryDueAt: discoveryMinutes === null ? null : new Date() } : {}),
  };
}
