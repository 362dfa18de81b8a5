// A second reader of all vectors, written from docs/protocol.md; the newest ops of
// the chains (links, bots, rotation, cosigners, complaints) with the Go rules at hand:
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
import * as blob from './blob.mjs';
import * as chains from './chains.mjs';
import * as identity from './identity.mjs';
import * as request from './request.mjs';
import * as seal from './seal.mjs';
import { reasonsMatter, selfTest } from './selftest.mjs';
import { Tally } from './tally.mjs';

const { values: options } = parseArgs({
  options: { root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) }, 'self-test': { type: 'boolean', default: false } },
});

// readers are those of the vector files, by the last part of their package and
// their name.
const readers = {
  'chaintest/chains.json': chains.check,
  'chaintest/refused.json': chains.checkRefused,
  'identity/identity.json': identity.check,
  'identity/refused.json': identity.checkRefused,
  'identity/text.json': identity.checkTexts,
  'seal/blob.json': blob.checkBlobs,
  'seal/envelope.json': seal.checkEnvelopes,
  'seal/grant.json': seal.checkGrants,
  'seal/refused.json': seal.checkRefused,
  'seal/seal-v1.json': seal.check,
  'signing/refused.json': request.checkRefused,
  'signing/request.json': request.check,
};

const nameOf = (path) => path.replace(/^.*[/\\]([^/\\]+)[/\\]testdata[/\\]vectors[/\\]/, '$1/');

// A name means nothing to a reader, nor does a note.
const free = (at) => /\.note$|^\[\]\.name$/.test(at);

// tested spoils what must be taken; of what must be refused it is the reasons.
function tested(name, vectors) {
  const again = (v) => run(name, v);
  return name.endsWith('/refused.json') ? reasonsMatter(vectors, again) : selfTest(vectors, again, free);
}

function* files(dir) {
  for (const name of readdirSync(dir).sort()) {
    if (name === 'node_modules' || name === '.git') continue;
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (/testdata[/\\]vectors[/\\]/.test(path)) yield path;
  }
}

function run(name, vectors) {
  const t = new Tally();
  const read = readers[name];
  if (!read) t.fault(name, 'no reader for this file');
  try {
    read?.(vectors, t);
  } catch (e) {
    t.fault(name, e.stack); // a vector file that is not what it should be
  }
  return t;
}

let passed = 0, failed = 0;

for (const path of files(join(options.root, 'internal'))) {
  const vectors = JSON.parse(readFileSync(path, 'utf8')), name = nameOf(path);
  const t = options['self-test'] ? tested(name, vectors) : run(name, vectors);
  passed += t.count - t.faults.length;
  failed += t.faults.length;
  console.log(`${t.faults.length ? 'FAIL' : 'ok  '} ${relative(options.root, path)}: ${t.count} checks`);
  for (const fault of t.faults) console.log(`     ${fault}`);
}

if (!passed) failed++; // no vectors were found
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
