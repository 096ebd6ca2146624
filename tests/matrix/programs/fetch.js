// SPDX-License-Identifier: MIT
// fetch.js http|fetch|net URL: the body on stdout
const [, , way, url] = process.argv;
const u = new URL(url);

function net() {
  const s = require('net').connect(u.port || 80, u.hostname, () =>
    s.write(`GET ${u.pathname}${u.search} HTTP/1.0\r\nHost: ${u.host}\r\n\r\n`));
  let head = Buffer.alloc(0), done = false;
  s.on('data', (b) => {
    if (done) return process.stdout.write(b);
    head = Buffer.concat([head, b]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    done = true;
    process.stdout.write(head.subarray(end + 4));
  });
}

async function fetched() {
  const r = await fetch(url);
  if (!r.ok) process.exit(3);
  for await (const b of r.body)
    if (!process.stdout.write(b)) await new Promise((go) => process.stdout.once('drain', go));
}

if (way === 'http')
  require('http').get(url, (r) => (r.statusCode === 200 ? r.pipe(process.stdout) : process.exit(3)));
else if (way === 'fetch') fetched();
else net();
