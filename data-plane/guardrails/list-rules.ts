/** Says what a caller is not to see in lists: whatever the rules would refuse to it by its name or address. */
import type { Access } from '../evidence.ts';
import type { RpcCall } from '../mcp/rpc-call.ts';
import type { CompiledFilter } from './semantic-filter.ts';

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
  readonly hides: (name: string) => boolean;
}

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
  const { filter } = access.server;
  const words = filter?.appliesToRequest === true && filter.action === 'BLOCK' ? filter : undefined;
  const tools = refusedTools(access);
  // Lists may also come on a stream that was opened with GET, where answers are resumed.
  const asked = call === undefined ? KINDS : KINDS.filter(({ method }) => call.messages.some((message) => message.method === method));
  return asked.flatMap((kind) => ruleOf(kind, words, kind.member === 'tools' ? tools : undefined));
}

function ruleOf({ member, entryKey, callOf }: ListKind, words: CompiledFilter | undefined, refuses: ListRule['hides'] | undefined): readonly ListRule[] {
  if (words === undefined && refuses === undefined) return NONE;
  return [{ member, entryKey, hides: (name) => refuses?.(name) === true || words?.findIn(callOf(name)) !== undefined }];
}

function refusedTools({ server, grant }: Access): ListRule['hides'] | undefined {
  const { toolRules, config } = server;
  const granted = grant.toolsAllowed;
  const isRuled = toolRules.restricts && config.toolRulesMode === 'ENFORCE';
  if (!isRuled && granted === null) return undefined;
  return (tool) => (isRuled && toolRules.verdictOn(tool) !== 'allowed') || (granted !== null && !granted.includes(tool));
}

function request(method: string, params: object): object {
  return { jsonrpc: '2.0', method, params };
}
