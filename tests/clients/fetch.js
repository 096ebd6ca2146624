// SPDX-License-Identifier: MIT
// node's http: [keep] get URL FILE [URL FILE]... | [keep] post URL BODY ANSWER, one after the other; keep: through
// an agent that keeps its connection. The field X-Canary is $CANARY.
'use strict';
const fs = require('fs');
const http = require('http');
const { pipeline } = require('stream/promises');

const args = process.argv.slice(2);
const keep = args[0] === 'keep' && args.shift();
const agent = new http.Agent({ keepAlive: Boolean(keep), maxSockets: 1 });

async function exchange(method, url, data, file) {
  const headers = { 'X-Canary': process.env.CANARY };
  if (data) headers['Content-Length'] = data.length;
  const answer = await new Promise((resolve, reject) => {
    http.request(url, { method, headers, agent }, resolve).on('error', reject).end(data);
  });
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
  await pipeline(answer, fs.createWriteStream(file));
}

async function main(verb, list) {
  if (verb === 'post') return exchange('POST', list[0], fs.readFileSync(list[1]), list[2]);
  for (let i = 0; i < list.length; i += 2) await exchange('GET', list[i], null, list[i + 1]);
}

main(args[0], args.slice(1)).then(() => agent.destroy(), (e) => {
  console.error(`node: ${e.message}`);
  process.exitCode = 1;
});
