/** The least that can call itself a STDIO server: cuts lines, finds the id, answers 300 bytes. */
const tail = `,"result":{"content":[{"type":"text","text":"${'y'.repeat(220)}"}]}}\n`;
let rest = '';
process.stdin.setEncoding('latin1').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  let answers = '';
  for (const line of lines) {
    const id = /"id":(\d+)/.exec(line)?.[1];
    if (line.includes('"method":"initialize"'))
      answers += `{"jsonrpc":"2.0","id":${id},"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1.0.0"}}}\n`;
    else if (id !== undefined) answers += `{"jsonrpc":"2.0","id":${id}${tail}`;
  }
  if (answers !== '') process.stdout.write(answers);
});
