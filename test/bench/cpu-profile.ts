/** Reads a CPU profile of V8: the time of each function by itself and with what it called, over one window. */
import { z } from 'zod';

const nodeSchema = z.object({
  id: z.number(),
  callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
  children: z.array(z.number()).optional(),
});
const profileSchema = z.object({ nodes: z.array(nodeSchema), startTime: z.number(), samples: z.array(z.number()), timeDeltas: z.array(z.number()) });
type ProfileNode = z.infer<typeof nodeSchema>;

/** Moments of the monotonic clock that all processes share, in microseconds. */
export interface Span {
  readonly fromMicros: number;
  readonly toMicros: number;
}

export interface FunctionTime {
  readonly name: string;
  /** Such as `data-plane/exchange.js:44`, `undici`, `node:net`, or empty for what V8 does by itself. */
  readonly place: string;
  /** Without what it called. */
  readonly selfMicros: number;
  /** With what it called, a recursion counted once. */
  readonly totalMicros: number;
}

/** The functions that ran within the span, idling aside. */
export function functionTimes(json: string, span: Span): FunctionTime[] {
  const profile = profileSchema.parse(JSON.parse(json));
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = sampledMicros(profile, span);
  const times = new Map<string, { name: string; place: string; selfMicros: number; totalMicros: number }>();
  const visit = (node: ProfileNode, above: ReadonlySet<string>): number => {
    const { functionName, url, lineNumber } = node.callFrame;
    if (functionName === '(idle)') return 0;
    const place = placeOf(url, lineNumber);
    const key = `${functionName} ${place}`;
    const below = above.has(key) ? above : new Set(above).add(key);
    const selfMicros = own.get(node.id) ?? 0;
    let totalMicros = selfMicros;
    for (const id of node.children ?? []) {
      const child = nodes.get(id);
      if (child !== undefined) totalMicros += visit(child, below);
    }
    const time = times.get(key) ?? { name: nameOf(functionName, place), place, selfMicros: 0, totalMicros: 0 };
    times.set(key, time);
    time.selfMicros += selfMicros;
    if (!above.has(key)) time.totalMicros += totalMicros;
    return totalMicros;
  };
  const [root] = profile.nodes;
  if (root !== undefined) visit(root, new Set());
  return [...times.values()].filter(({ totalMicros }) => totalMicros > 0);
}

function sampledMicros({ samples, timeDeltas, startTime }: z.infer<typeof profileSchema>, { fromMicros, toMicros }: Span): Map<number, number> {
  const micros = new Map<number, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    // A sample stands for the time until the next one.
    if (at >= fromMicros && at < toMicros) micros.set(id, (micros.get(id) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0));
  }
  return micros;
}

/** What has neither name nor place is a part of V8 written in its own language. */
function nameOf(functionName: string, place: string): string {
  if (functionName !== '') return functionName;
  return place === '' ? '(built-in functions)' : '(anonymous)';
}

const OWN = /dist-bench\/(.+)$/;
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\//;

function placeOf(url: string, line: number): string {
  const dependency = PACKAGE.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  const own = OWN.exec(url)?.[1];
  return own === undefined ? url : `${own}:${line + 1}`;
}
