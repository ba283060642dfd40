/** Says what a caller is not to see in lists: whatever the rules would refuse to it by its name or address. */
import { DEFINITION_MEMBERS } from '../../shared/tool-definition.ts';
import { isPinRefused } from '../../shared/tool-pins.ts';
import type { Access } from '../evidence.ts';
import type { RpcCall } from '../mcp/rpc-call.ts';
import type { OwnedFilter } from './content-rules.ts';

/** A kind of list, and how its entries are reached. */
interface ListKind {
  /** The request that it answers. */
  readonly method: string;
  /** The member of the result that holds the entries. */
  readonly member: string;
  /** The member of an entry by which it is called. */
  readonly entryKey: string;
  /** The least that a call of it says. */
  readonly callOf: (name: string) => object;
}

/** What is not to be seen in one kind of list. */
export interface ListRule extends Pick<ListKind, 'member' | 'entryKey'> {
  /** The members of an entry that are looked at: what they say must have one reading. */
  readonly judgedKeys: readonly string[];
  readonly hides: (name: string) => boolean;
  /** Looks at what an entry says of itself, before any is hidden: one may tell something of another. */
  readonly compare?: ((name: string, entry: Entry) => void) | undefined;
}

/** An entry of a list, as its server sent it. */
export type Entry = Readonly<Record<string, unknown>>;

const KINDS: readonly ListKind[] = [
  { method: 'tools/list', member: 'tools', entryKey: 'name', callOf: (name) => request('tools/call', { name }) },
  { method: 'prompts/list', member: 'prompts', entryKey: 'name', callOf: (name) => request('prompts/get', { name }) },
  { method: 'resources/list', member: 'resources', entryKey: 'uri', callOf: (uri) => request('resources/read', { uri }) },
  // A template is judged as it is written: which words a caller will put into it, nobody knows yet.
  { method: 'resources/templates/list', member: 'resourceTemplates', entryKey: 'uriTemplate', callOf: (uri) => request('resources/read', { uri }) },
];
const METHODS: ReadonlySet<string | undefined> = new Set(KINDS.map(({ method }) => method));
const NONE: readonly ListRule[] = [];

/** The rules for the lists that a call asks for; none where it sees everything. */
export function listRulesFor(access: Access, call: RpcCall | undefined): readonly ListRule[] {
  if (call !== undefined && !call.messages.some(({ method }) => METHODS.has(method))) return NONE;
  // Of a call that says but a name or an address nothing can be redacted, so it is refused.
  const filters = access.plan.content.request.filter(({ filter }) => filter.action !== 'OBSERVE');
  const { restricts, compare } = access.server.toolPins;
  const tools = refusedTools(access);
  // Lists may also come on a stream that was opened with GET, where answers are resumed.
  const asked = call === undefined ? KINDS : KINDS.filter(({ method }) => call.messages.some((message) => message.method === method));
  return asked.flatMap((kind) => {
    const isTools = kind.member === 'tools';
    const looks = isTools && restricts ? { judgedKeys: DEFINITION_MEMBERS, compare } : { judgedKeys: [kind.entryKey] };
    return ruleOf(kind, { ...looks, filters, refuses: isTools ? tools : undefined });
  });
}

interface Hiding extends Pick<ListRule, 'judgedKeys' | 'compare'> {
  readonly filters: readonly OwnedFilter[];
  readonly refuses: ListRule['hides'] | undefined;
}

function ruleOf({ member, entryKey, callOf }: ListKind, { filters, refuses, ...looks }: Hiding): readonly ListRule[] {
  if (filters.length === 0 && refuses === undefined) return NONE;
  return [{ ...looks, member, entryKey, hides: (name) => refuses?.(name) === true || filters.some(({ filter }) => filter.findIn(callOf(name)) !== undefined) }];
}

function refusedTools({ server, grant }: Access): ListRule['hides'] | undefined {
  const { toolRules, toolPins, config } = server;
  const granted = grant.toolsAllowed;
  const isRuled = toolRules.restricts && config.toolRulesMode === 'ENFORCE';
  if (!isRuled && !toolPins.restricts && granted === null) return undefined;
  return (tool) =>
    (isRuled && toolRules.verdictOn(tool) !== 'allowed') ||
    isPinRefused(toolPins.objectionTo(tool), config.toolChangeMode) ||
    (granted !== null && !granted.includes(tool));
}

function request(method: string, params: object): object {
  return { jsonrpc: '2.0', method, params };
}
