/** The sums that are kept beside those of every dimension: each slice knows few of them, so it has few rows, and most questions are answered from one. */
import type { Dimension } from './usage-dimensions.ts';

export interface Slice {
  readonly name: string;
  readonly columns: readonly Dimension[];
}

/** Those with the fewest rows first. Each knows the decision, by which denied and failed calls are told; what goes with another one, as the slug with its server, makes hardly more rows. */
export const SLICES: readonly Slice[] = [
  { name: 'outcome', columns: ['decision', 'code', 'dlp_outcome', 'transport'] },
  { name: 'client', columns: ['decision', 'client_name', 'agent_id', 'agent_client_id'] },
  { name: 'team', columns: ['decision', 'team_id'] },
  { name: 'tool', columns: ['decision', 'tool'] },
  { name: 'server', columns: ['decision', 'server_id', 'server_slug'] },
  { name: 'key', columns: ['decision', 'team_id', 'user_id', 'user_domain', 'api_key_id'] },
  { name: 'client_server', columns: ['decision', 'client_name', 'agent_id', 'agent_client_id', 'server_id', 'server_slug'] },
  { name: 'server_tool', columns: ['decision', 'server_id', 'server_slug', 'tool'] },
];

/** The smallest that knows all of these; undefined when none does. */
export function sliceOf(dimensions: readonly Dimension[]): Slice | undefined {
  return SLICES.find(({ columns }) => dimensions.every((dimension) => columns.includes(dimension)));
}
