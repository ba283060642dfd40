/** Holds a filter against a sample, as the data planes would hold it against a message. */
import { compileFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { FilterMatch } from '../../shared/content-filter/filter-match.ts';
import { textsIn } from '../../shared/content-filter/judged-text.ts';
import type { SemanticFilter } from '../../shared/content-filter/semantic-filter.ts';
import { refuseInput } from '../graphql/input-refused.ts';

/** As deep as a request may be. */
const SAMPLE_DEPTH_MAX = 64;

export interface Finding extends FilterMatch {
  readonly count: number;
}

/** Undefined when a pattern stands there too often to be counted. Refuses a sample that is nested too deeply; the length of a query has its bound already. */
export function tryFilter(filter: SemanticFilter, sample: unknown): Finding[] | undefined {
  if (isDeeperThan(sample, SAMPLE_DEPTH_MAX)) throw refuseInput(['sample'], 'TOO_LARGE', `the sample is nested deeper than ${SAMPLE_DEPTH_MAX} levels`);
  const found = compileFilter(filter).findAllIn(textsIn(sample));
  if (found === undefined) return undefined;
  return [...Map.groupBy(found, ({ kind, rule }) => `${kind} ${rule}`).values()].flatMap((same) =>
    same.slice(0, 1).map(({ kind, rule }) => ({ kind, rule, count: same.length })),
  );
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
