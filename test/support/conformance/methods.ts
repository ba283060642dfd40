/** Answers the methods that both eras share; each era adds its own in front. */
import { ASKING_TOOLS } from './asking-tools.ts';
import { CODES, ProtocolError, recordIn, textIn, type JsonObject } from './messages.ts';
import { PLAIN_TOOLS } from './plain-tools.ts';
import { getPrompt, listPrompts } from './prompts.ts';
import { answerWithQuestions } from './rounds.ts';
import { listResources, listResourceTemplates, readResource } from './resources.ts';
import { TALKING_TOOLS } from './talking-tools.ts';
import type { Tool, ToolCall } from './tool-call.ts';

export const TOOLS: Readonly<Record<string, Tool>> = { ...PLAIN_TOOLS, ...TALKING_TOOLS, ...ASKING_TOOLS };

const COMPLETIONS = ['paris', 'park', 'party'];

/** What a call may do beside answering, as the era has it; arguments and inputs are taken from the message. */
export type CallPowers = Omit<ToolCall, 'args' | 'inputs' | 'requestState'>;

export async function answerMethod(method: string, params: JsonObject, powers: CallPowers): Promise<JsonObject> {
  switch (method) {
    case 'tools/list':
      return { tools: Object.entries(TOOLS).map(([name, { inputSchema }]) => ({ name, description: `Fixture tool ${name}`, inputSchema })) };
    case 'tools/call':
      return callTool(params, powers);
    case 'prompts/list':
      return listPrompts();
    case 'prompts/get':
      if (powers.era === 'modern') return getPrompt(params, recordIn(params, 'inputResponses'));
      return answerWithQuestions(powers.ask, ({ inputs }) => getPrompt(params, inputs));
    case 'resources/list':
      return listResources();
    case 'resources/templates/list':
      return listResourceTemplates();
    case 'resources/read':
      return readResource(params, powers.era);
    case 'completion/complete':
      return complete(params);
    default:
      throw unknownMethod(method, powers.era);
  }
}

/** Only revision 2026-07-28 tells it by the status too. */
export function unknownMethod(method: string, era: ToolCall['era']): ProtocolError {
  return new ProtocolError(CODES.methodNotFound, `there is no method '${method}'`, { status: era === 'modern' ? 404 : 200 });
}

async function callTool(params: JsonObject, powers: CallPowers): Promise<JsonObject> {
  const name = textIn(params, 'name') ?? '';
  const tool = TOOLS[name];
  if (tool === undefined) throw new ProtocolError(CODES.invalidParams, `there is no tool '${name}'`);
  const inputs = recordIn(params, 'inputResponses');
  if (inputs === undefined && params['inputResponses'] !== undefined) {
    throw new ProtocolError(CODES.invalidParams, 'inputResponses must be an object', { status: powers.era === 'modern' ? 400 : 200 });
  }
  const args = recordIn(params, 'arguments') ?? {};
  if (powers.era === 'legacy') return answerWithQuestions(powers.ask, (round) => tool.run({ ...powers, args, ...round }));
  return tool.run({ ...powers, args, inputs, requestState: textIn(params, 'requestState') });
}

function complete(params: JsonObject): JsonObject {
  const typed = textIn(recordIn(params, 'argument'), 'value') ?? '';
  const values = COMPLETIONS.filter((value) => value.startsWith(typed));
  return { completion: { values, total: values.length, hasMore: false } };
}
