/** Classes what a tool may do: by what its server says of it, and where that says nothing, by its name. */
import { z } from 'zod';
import type { ToolDefinition } from '../../shared/tool-definition.ts';

export const TOOL_RISKS = ['READ_ONLY', 'WRITE', 'DESTRUCTIVE', 'OPEN_WORLD', 'UNKNOWN'] as const;
export type ToolRisk = (typeof TOOL_RISKS)[number];

const hint = z.boolean().optional().catch(undefined);
/** The hints of MCP's tool annotations; whatever is no boolean says nothing. */
const hintsSchema = z.object({ readOnlyHint: hint, destructiveHint: hint, openWorldHint: hint });

/** Words of a name, the worst class first. */
const WORDS: readonly (readonly [ToolRisk, ReadonlySet<string>])[] = [
  ['DESTRUCTIVE', words('delete remove drop destroy purge truncate wipe erase kill terminate revoke uninstall reset overwrite cancel ban')],
  ['WRITE', words('create update write set put post add insert edit move rename upload send save patch merge push commit upsert enable disable assign close')],
  ['OPEN_WORLD', words('fetch browse navigate crawl scrape download web http url click')],
  ['READ_ONLY', words('get list read search find query describe show view count check echo lookup status')],
];

/** Hints that are given win, since a server knows its tools better than their names do; `contradictsName` finds those that mislead. */
export function riskOf({ name, annotations }: Pick<ToolDefinition, 'name' | 'annotations'>): ToolRisk {
  const { readOnlyHint, destructiveHint, openWorldHint } = hintsSchema.parse(annotations ?? {});
  // What destroys says nothing else; a tool that only reads destroys nothing, whatever else it says.
  if (readOnlyHint !== true && destructiveHint === true) return 'DESTRUCTIVE';
  const isHarmless = readOnlyHint === true || destructiveHint === false;
  if (isHarmless && openWorldHint === true) return 'OPEN_WORLD';
  if (readOnlyHint === true) return 'READ_ONLY';
  if (destructiveHint === false) return 'WRITE';
  const named = riskOfName(name);
  return readOnlyHint === false && named !== 'DESTRUCTIVE' ? 'WRITE' : named;
}

/** Whether a tool is said to do no harm while its name says that it destroys. */
export function contradictsName(definition: Pick<ToolDefinition, 'name' | 'annotations'>): boolean {
  return riskOfName(definition.name) === 'DESTRUCTIVE' && riskOf(definition) !== 'DESTRUCTIVE';
}

function riskOfName(name: string): ToolRisk {
  const parts = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return WORDS.find(([, known]) => parts.some((part) => known.has(part)))?.[0] ?? 'UNKNOWN';
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(' '));
}
