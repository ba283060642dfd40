/** Reads from the schemas of tools by which arguments they keep to domains and to safe results. */
import { z } from 'zod';
import type { SearchTool } from '../../shared/web-search.ts';
import type { Tool } from '../tools/tool.entity.ts';

/** Names without their case, hyphens and underscores. */
const INCLUDE: ReadonlySet<string> = new Set(['includedomains', 'alloweddomains', 'includesites', 'domains', 'sites', 'domainfilter', 'sitefilter']);
const EXCLUDE: ReadonlySet<string> = new Set(['excludedomains', 'blockeddomains', 'excludesites', 'excludedsites']);
const SAFE: ReadonlySet<string> = new Set(['safesearch', 'safe', 'safemode', 'safesearchlevel', 'safesearchmode', 'familyfriendly']);
/** From the strictest on. */
const SAFE_VALUES = ['strict', 'high', 'active', 'on', 'true', 'yes', 'enabled', 'moderate', 'medium'];

const argumentSchema = z.looseObject({
  type: z.string().optional(),
  items: z.looseObject({ type: z.string().optional() }).optional(),
  enum: z.array(z.unknown()).optional(),
  maximum: z.number().optional(),
});
const inputSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()) });
type Argument = z.infer<typeof argumentSchema>;

/** Those that have any. What a schema says in other ways is not found. */
export function searchToolsOf(tools: readonly Pick<Tool, 'name' | 'definition' | 'isGone'>[]): SearchTool[] {
  return tools.flatMap((tool) => {
    const properties = inputSchema.safeParse(tool.definition.inputSchema).data?.properties;
    return tool.isGone || properties === undefined ? [] : searchToolOf(tool.name, properties);
  });
}

function searchToolOf(name: string, properties: Readonly<Record<string, unknown>>): SearchTool[] {
  const found = Object.entries(properties).flatMap(([argument, schema]) => {
    const read = argumentSchema.safeParse(schema).data;
    return read === undefined ? [] : [{ argument, label: argument.replaceAll(/[-_]/g, '').toLowerCase(), schema: read }];
  });
  const listNamed = (labels: ReadonlySet<string>) => found.find(({ label, schema }) => labels.has(label) && isListOfStrings(schema))?.argument ?? null;
  const safe = found.find(({ label }) => SAFE.has(label));
  const value = safe === undefined ? undefined : safestOf(safe.schema);
  const tool = {
    name,
    includeDomains: listNamed(INCLUDE),
    excludeDomains: listNamed(EXCLUDE),
    safeSearch: safe === undefined || value === undefined ? null : { argument: safe.argument, value },
  };
  return tool.includeDomains === null && tool.excludeDomains === null && tool.safeSearch === null ? [] : [tool];
}

function isListOfStrings({ type, items }: Argument): boolean {
  return type === 'array' && (items?.type ?? 'string') === 'string';
}

/** The strictest value that the schema allows; undefined where it does not say which that is. */
function safestOf({ type, enum: choices, maximum }: Argument): string | number | boolean | undefined {
  if (type === 'boolean') return true;
  const numbers = (choices ?? []).filter((choice) => typeof choice === 'number');
  if (numbers.length > 0) return Math.max(...numbers);
  if (type === 'integer' || type === 'number') return maximum;
  const words = (choices ?? []).filter((choice) => typeof choice === 'string');
  return SAFE_VALUES.flatMap((safe) => words.filter((word) => word.toLowerCase() === safe))[0];
}
