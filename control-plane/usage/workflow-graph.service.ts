/** Who calls what: the busiest edges between neighbouring levels, and the nodes that they join. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { SqlCondition } from '../database/sql-condition.ts';
import { badInput } from '../graphql/errors.ts';
import type { AdminContext } from '../request-context.ts';
import type { WorkflowEdge, WorkflowGraph, WorkflowNode } from './usage-analytics.types.ts';
import { spanOf } from './usage-buckets.ts';
import type { UsageFilter } from './usage-filter.ts';
import { keySql, labelsOf, type UsageGroup } from './usage-groups.ts';
import { readingSums, sumsOf } from './usage-sums.ts';
import { percentileMillis, sumsSql, TOTALS, totalsSchema, totalsSql, toUsageTotals, type Totals } from './usage-totals.ts';

const LEVELS_MIN = 2;
const LEVELS_MAX = 4;
const EDGES_MAX = 1000;

export interface GraphQuestion {
  readonly filter: UsageFilter;
  readonly levels: readonly UsageGroup[];
  readonly maxEdges: number;
  readonly hasLatencies: boolean;
}

interface Level {
  readonly kind: UsageGroup;
  readonly key: string;
}

const rowsSchema = z.array(totalsSchema.extend({ is_edge: z.boolean(), keys: z.array(z.string().nullable()) }));
type Row = z.infer<typeof rowsSchema>[number];

export class WorkflowGraphService {
  async graph(context: AdminContext, { filter, levels: kinds, maxEdges, hasLatencies }: GraphQuestion): Promise<WorkflowGraph> {
    const levels = kinds.map((kind) => ({ kind, key: levelSql(kind, kinds) }));
    if (levels.length < LEVELS_MIN || levels.length > LEVELS_MAX) throw badInput(`a graph has ${LEVELS_MIN} to ${LEVELS_MAX} levels`);
    if (new Set(levels.map(({ key }) => key)).size < levels.length) throw badInput('the levels of a graph must differ');
    if (maxEdges < 1 || maxEdges > EDGES_MAX) throw badInput(`maxEdges must be between 1 and ${EDGES_MAX}`);
    const { organisationId } = context.caller;
    const from = sumsOf(organisationId, { filter, span: spanOf(filter.range, new Date()), granularity: undefined, hasLatencies });
    return readingSums(context.em, async (em) => {
      const rows = await read(em, from, { levels, edgesMax: maxEdges + 1, hasLatencies });
      const allEdges = rows.filter((row) => row.is_edge).map((row) => toEdge(levels, row));
      const edges = allEdges.slice(0, maxEdges);
      const ends = new Set(edges.flatMap(({ source, target }) => [source, target]));
      const found = rows.filter((row) => !row.is_edge).flatMap((row) => keysOf(levels, row).map((node) => ({ ...node, row })));
      const nodes = await toNodes(
        em,
        organisationId,
        levels,
        found.filter(({ id }) => ends.has(id)),
      );
      return { nodes, edges, truncated: allEdges.length > maxEdges };
    });
  }
}

/** Tools of one name on two servers are two tools. */
function levelSql(kind: UsageGroup, kinds: readonly UsageGroup[]): string {
  return kind === 'TOOL' && kinds.includes('SERVER') ? `(${keySql('SERVER')} || '/' || ${keySql('TOOL')})` : keySql(kind);
}

/** Everything is read once, into a cell for each way through the graph; edges and their nodes are made of the cells, the busiest first. */
async function read(
  em: EntityManager,
  from: SqlCondition,
  { levels, edgesMax, hasLatencies }: { levels: readonly Level[]; edgesMax: number; hasLatencies: boolean },
): Promise<Row[]> {
  const keys = levels.map((_, index) => `k${index}`);
  const pairs = keys.slice(1).map((key, index) => `(k${index}, ${key})`);
  const rows = await em.execute(
    `with cells as materialized (select ${levels.map(({ key }, index) => `${key} as k${index}`).join(', ')}, ${sumsSql(hasLatencies)}
        from ${from.sql} group by ${keys.map((_, index) => index + 1).join(', ')}),
      edges as (select ${keys.join(', ')}, sum(calls) as weight, ${totalsSql(hasLatencies)} from cells group by grouping sets (${pairs.join(', ')})
        order by weight desc, ${keys.join(', ')} limit ?),
      nodes as (select ${keys.join(', ')}, sum(calls) as weight, ${totalsSql(false)} from cells group by grouping sets (${keys.map((key) => `(${key})`).join(', ')})
        having ${keys.map((key) => `${key} in (select ${key} from edges)`).join(' or ')})
    select true as is_edge, array[${keys.join(', ')}] as keys, weight, ${TOTALS} from edges
    union all select false, array[${keys.join(', ')}], weight, ${TOTALS} from nodes order by weight desc, keys`,
    [...from.values, edgesMax],
  );
  return rowsSchema.parse(rows);
}

type FoundNode = ReturnType<typeof keysOf>[number] & { readonly row: Row };

/** Level by level. */
async function toNodes(em: EntityManager, organisationId: string, levels: readonly Level[], found: readonly FoundNode[]): Promise<WorkflowNode[]> {
  const nodes: WorkflowNode[] = [];
  for (const { kind } of levels) {
    const ofKind = found.filter((node) => node.kind === kind);
    const label = await labelsOf(
      em,
      organisationId,
      kind,
      ofKind.map(({ key }) => key),
    );
    nodes.push(...ofKind.map(({ id, key, row }) => ({ id, kind, label: label(nameOf(levels, kind, key)), ...sumsOfRow(row) })));
  }
  return nodes;
}

/** The levels that a row is grouped by. */
function keysOf(levels: readonly Level[], { keys }: Row): { id: string; kind: UsageGroup; key: string }[] {
  return levels.flatMap(({ kind }, index) => {
    const key = keys[index];
    return key == null ? [] : [{ id: `${kind}:${key}`, kind, key }];
  });
}

function toEdge(levels: readonly Level[], row: Row): WorkflowEdge {
  const [source, target] = keysOf(levels, row).map(({ id }) => id);
  if (source === undefined || target === undefined) throw new Error('an edge has two ends');
  return { id: `${source} → ${target}`, source, target, ...sumsOfRow(row), latencyP95Ms: percentileMillis(row, 95) };
}

function nameOf(levels: readonly Level[], kind: UsageGroup, key: string): string {
  const isOfServer = kind === 'TOOL' && levels.some((level) => level.kind === 'SERVER');
  return isOfServer ? key.slice(key.indexOf('/') + 1) : key;
}

function sumsOfRow(totals: Totals) {
  const { calls, denied, errors, cost } = toUsageTotals(totals);
  return { calls, denied, errors, cost };
}
