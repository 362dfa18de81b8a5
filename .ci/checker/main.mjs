// A second reader of all vectors, written from docs/protocol.md alone:
//
//	npm ci --ignore-scripts && node main.mjs [--root CHECKOUT] [--self-test]
//
// One line a file, then a total; exit 1 if anything disagrees. A vector file
// that nobody here reads is a disagreement too. --self-test spoils every value
// of every vector, each in several ways, and demands that it is noticed.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { check as chains } from './chains.mjs';
import { check as identity } from './identity.mjs';
import { check as request } from './request.mjs';
import { check as seal } from './seal.mjs';
import { selfTest } from './selftest.mjs';
import { Tally } from './tally.mjs';

const { values: options } = parseArgs({
  options: { root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) }, 'self-test': { type: 'boolean', default: false } },
});

const readers = { 'chains.json': chains, 'identity.json': identity, 'request.json': request, 'seal-v1.json': seal };

function* files(dir) {
  for (const name of readdirSync(dir).sort()) {
    if (name === 'node_modules' || name === '.git') continue;
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (/testdata[/\\]vectors[/\\]/.test(path)) yield path;
  }
}

function run(path, vectors) {
  const t = new Tally(), name = path.split(/[/\\]/).at(-1);
  if (!Object.hasOwn(readers, name)) {
    t.faults.push('no reader for this file');
    return t;
  }
  try {
    readers[name](vectors, t);
  } catch (e) {
    t.faults.push(e.stack); // a vector file that is not what it should be
  }
  return t;
}

let passed = 0, failed = 0;

for (const path of files(join(options.root, 'internal'))) {
  const vectors = JSON.parse(readFileSync(path, 'utf8'));
  const t = options['self-test'] ? selfTest(vectors, (v) => run(path, v), (at) => /\.(note|name)$/.test(at) && !/^\.(name|blob)\.name$/.test(at)) : run(path, vectors);
  passed += t.count - t.faults.length;
  failed += t.faults.length;
  console.log(`${t.faults.length ? 'FAIL' : 'ok  '} ${relative(options.root, path)}: ${t.count} checks`);
  for (const fault of t.faults) console.log(`     ${fault}`);
}

if (!passed) failed++; // no vectors were found
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
