/** Who calls what: the busiest edges between neighbouring levels, and the nodes that they join. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { formatUsd } from '../../shared/nanos-usd.ts';
import { badInput } from '../graphql/errors.ts';
import type { AdminContext } from '../request-context.ts';
import type { WorkflowEdge, WorkflowGraph, WorkflowNode } from './usage-analytics.types.ts';
import { spanOf } from './usage-buckets.ts';
import type { SqlCondition, UsageFilter } from './usage-filter.ts';
import { keySql, labelsOf, type UsageGroup } from './usage-groups.ts';
import { readingSums, sumsOf } from './usage-sums.ts';
import { percentileMillis, totalsSchema, totalsSql, type Totals } from './usage-totals.ts';

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

const rowsSchema = z.array(totalsSchema.extend({ keys_of: z.array(z.string().nullable()) }));
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
      const rows = await edgesOf(em, from, levels, maxEdges + 1, hasLatencies);
      const edges = rows.slice(0, maxEdges).map((row) => toEdge(levels, row));
      const ends = new Set(edges.flatMap(({ source, target }) => [source, target]));
      const nodes = await nodesOf(em, organisationId, { from, levels, ends });
      return { nodes, edges, truncated: rows.length > maxEdges };
    });
  }
}

/** Tools of one name on two servers are two tools. */
function levelSql(kind: UsageGroup, kinds: readonly UsageGroup[]): string {
  return kind === 'TOOL' && kinds.includes('SERVER') ? `(${keySql('SERVER')} || '/' || ${keySql('TOOL')})` : keySql(kind);
}

async function edgesOf(em: EntityManager, from: SqlCondition, levels: readonly Level[], count: number, hasLatencies: boolean): Promise<Row[]> {
  const pairs = levels.slice(1).map(({ key }, index) => `(${levels[index]?.key}, ${key})`);
  const rows = await em.execute(
    `select array[${levels.map(({ key }) => key).join(', ')}] as keys_of, ${totalsSql({ hasLatencies, hasKeys: false })} from ${from.sql}
      group by grouping sets (${pairs.join(', ')}) order by sum(calls) desc, 1 limit ?`,
    [...from.values, count],
  );
  return rowsSchema.parse(rows);
}

async function nodesOf(
  em: EntityManager,
  organisationId: string,
  { from, levels, ends }: { from: SqlCondition; levels: readonly Level[]; ends: ReadonlySet<string> },
): Promise<WorkflowNode[]> {
  if (ends.size === 0) return [];
  const wanted = levels.map(({ key }) => `grouping(${key}) = 0 and ? || ${key} in (${[...ends].map(() => '?').join(', ')})`);
  const rows = await em.execute(
    `select array[${levels.map(({ key }) => key).join(', ')}] as keys_of, ${totalsSql({ hasLatencies: false, hasKeys: false })} from ${from.sql}
      group by grouping sets (${levels.map(({ key }) => `(${key})`).join(', ')}) having (${wanted.join(') or (')}) order by sum(calls) desc, 1`,
    [...from.values, ...levels.flatMap(({ kind }) => [`${kind}:`, ...ends])],
  );
  const found = rowsSchema.parse(rows).flatMap((row) => keysOf(levels, row).map((node) => ({ ...node, row })));
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
function keysOf(levels: readonly Level[], { keys_of: keys }: Row): { id: string; kind: UsageGroup; key: string }[] {
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

function sumsOfRow({ calls, denied, errors, cost }: Totals) {
  return { calls: String(calls), denied: String(denied), errors: String(errors), cost: { nanosUsd: String(cost), usd: formatUsd(cost) } };
}
