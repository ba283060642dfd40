/** Tools that talk to the client while they work: log messages, progress, sampling, elicitation, and a stream that breaks off. */
import { text } from './content.ts';
import { recordIn, textIn, type JsonObject } from './messages.ts';
import { NO_ARGUMENTS, objectSchema, requireCapability, type Tool, type ToolCall } from './tool-call.ts';

const STRING = { type: 'string' } as const;

export const TALKING_TOOLS: Readonly<Record<string, Tool>> = {
  test_tool_with_logging: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) call.log('info', words);
      return text('Tool with logging executed successfully');
    },
  },
  test_logging_tool: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      call.log('info', 'diagnostic');
      return text('logged');
    },
  },
  test_tool_with_progress: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      for (const progress of [0, 50, 100]) call.progress(progress, 100);
      return text('the work is done');
    },
  },
  test_sampling: { inputSchema: objectSchema({ prompt: STRING }, ['prompt']), run: sample },
  test_elicitation: {
    inputSchema: objectSchema({ message: STRING }, ['message']),
    run: async (call) => {
      const answer = await elicit(call, textIn(call.args, 'message') ?? '', objectSchema({ username: STRING, email: STRING }, ['username', 'email']));
      return text(`User response: action: ${String(answer['action'])}, content: ${JSON.stringify(answer['content'] ?? {})}`);
    },
  },
  test_elicitation_sep1034_defaults: { inputSchema: NO_ARGUMENTS, run: (call) => elicitForm(call, DEFAULTS) },
  test_elicitation_sep1330_enums: { inputSchema: NO_ARGUMENTS, run: (call) => elicitForm(call, ENUMS) },
  test_reconnection: {
    inputSchema: NO_ARGUMENTS,
    run: (call) => {
      call.leaveStream();
      return text('Reconnection test completed');
    },
  },
};

const DEFAULTS = objectSchema({
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
});

const TITLED = (titles: readonly string[]) => titles.map((title, index) => ({ const: `value${index + 1}`, title }));
const OPTIONS = ['option1', 'option2', 'option3'];
const ENUMS = objectSchema({
  untitledSingle: { type: 'string', enum: OPTIONS },
  titledSingle: { type: 'string', oneOf: TITLED(['First Option', 'Second Option', 'Third Option']) },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
  untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
  titledMulti: { type: 'array', items: { anyOf: TITLED(['First Choice', 'Second Choice', 'Third Choice']) } },
});

async function sample(call: ToolCall): Promise<JsonObject> {
  requireCapability(call, 'sampling');
  const prompt = { role: 'user', content: { type: 'text', text: textIn(call.args, 'prompt') } };
  const answer = await call.ask('sampling/createMessage', { messages: [prompt], maxTokens: 100 });
  return text(`LLM response: ${textIn(recordIn(answer, 'content'), 'text') ?? ''}`);
}

async function elicitForm(call: ToolCall, requestedSchema: JsonObject): Promise<JsonObject> {
  const answer = await elicit(call, 'Please fill in the form', requestedSchema);
  return text(`Elicitation completed: action=${String(answer['action'])}, content=${JSON.stringify(answer['content'] ?? {})}`);
}

function elicit(call: ToolCall, message: string, requestedSchema: JsonObject): Promise<JsonObject> {
  requireCapability(call, 'elicitation');
  return call.ask('elicitation/create', { message, requestedSchema });
}
