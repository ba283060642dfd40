/** Reads an answer that has no end along as it comes, for tests that look at what has come by now. */

export interface StreamText {
  text(): string;
  isOpen(): boolean;
  leave(): Promise<void>;
}

export function readAlong(response: Response): StreamText {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let [text, isOpen] = ['', true];
  const read = async (): Promise<void> => {
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) text += part.value;
  };
  const close = (): void => void (isOpen = false);
  // Where the connection is cut, reading fails; that it is over is what tests ask for.
  read().then(close, close);
  return {
    text: () => text,
    isOpen: () => isOpen,
    leave: async () => {
      await reader?.cancel().catch(close);
    },
  };
}
