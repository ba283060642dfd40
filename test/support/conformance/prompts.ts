/** The prompts of the fixture. */
import { form, formAnswer, inputRequired } from './asking-tools.ts';
import { IMAGE_PART, resourcePart, textPart } from './content.ts';
import { CODES, ProtocolError, recordIn, textIn, type JsonObject } from './messages.ts';

interface Prompt {
  readonly arguments: readonly string[];
  readonly get: (args: JsonObject, inputs: JsonObject | undefined) => JsonObject;
}

const PROMPTS: Readonly<Record<string, Prompt>> = {
  test_simple_prompt: { arguments: [], get: () => said(textPart('This is a simple prompt for testing.')) },
  test_prompt_with_arguments: {
    arguments: ['arg1', 'arg2'],
    get: ({ arg1, arg2 }) => said(textPart(`Prompt with arguments: arg1='${String(arg1)}', arg2='${String(arg2)}'`)),
  },
  test_prompt_with_embedded_resource: {
    arguments: ['resourceUri'],
    get: (args) =>
      said(
        resourcePart(textIn(args, 'resourceUri') ?? '', 'text/plain', 'Embedded resource content for testing.'),
        textPart('Please process the embedded resource above.'),
      ),
  },
  test_prompt_with_image: { arguments: [], get: () => said(IMAGE_PART, textPart('Please analyze the image above.')) },
  test_input_required_result_prompt: {
    arguments: [],
    get: (_args, inputs) => {
      const context = formAnswer(inputs, 'user_context', 'context');
      if (context === undefined) return inputRequired({ user_context: form('What context should the prompt use?', 'context') });
      return said(textPart(`Context: ${context}`));
    },
  },
};

export function listPrompts(): JsonObject {
  const prompts = Object.entries(PROMPTS).map(([name, prompt]) => ({
    name,
    description: `Fixture prompt ${name}`,
    arguments: prompt.arguments.map((argument) => ({ name: argument, description: `The ${argument}`, required: true })),
  }));
  return { prompts };
}

/** `inputs` is what the client has answered so far. */
export function getPrompt(params: JsonObject, inputs: JsonObject | undefined): JsonObject {
  const name = textIn(params, 'name') ?? '';
  const prompt = PROMPTS[name];
  if (prompt === undefined) throw new ProtocolError(CODES.invalidParams, `there is no prompt '${name}'`);
  return prompt.get(recordIn(params, 'arguments') ?? {}, inputs);
}

function said(...parts: readonly JsonObject[]): JsonObject {
  return { messages: parts.map((content) => ({ role: 'user', content })) };
}
