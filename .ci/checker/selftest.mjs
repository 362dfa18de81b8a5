// A checker that cannot fail is no checker. The self-test spoils every value
// of a vector file, one at a time and each in several ways, and demands that
// the reader of the file notices.
import { refuse } from './refuse.mjs';
import { Tally } from './tally.mjs';

// selfTest gives a tally of the changes that `run` noticed. free says which
// values mean nothing to a reader: the names of vectors.
export function selfTest(vectors, run, free = () => false) {
  const t = new Tally();
  // The vectors of a list stand each for itself.
  for (const one of Array.isArray(vectors) ? vectors.map((v) => [v]) : [vectors]) {
    for (const { path, what, undo } of changes(one, '', free)) {
      t.accept(`${path}: ${what}`, () => {
        if (!run(one).faults.length) refuse('self-test', 'nobody noticed');
      });
      undo();
    }
  }
  return t;
}

// reasonsMatter demands of vectors that must be refused, with every reason
// changed, that the reader disagrees with each of them.
export function reasonsMatter(vectors, run) {
  const t = new Tally(), cases = vectors.flatMap((v) => v.cases ?? [v]);
  for (const one of cases) one.reason = `not ${one.reason}`;
  const { faults } = run(vectors);
  for (const one of cases) {
    const name = `${one.name}: `;
    t.accept(one.name, () => {
      if (!faults.some((f) => f.includes(name) && f.endsWith(`want ${one.reason}`))) refuse('self-test', 'nobody noticed another reason');
    });
  }
  return t;
}

// changes makes one change after the other; each must be undone before the next.
function* changes(node, path, free) {
  const inList = Array.isArray(node);
  for (const name of Object.keys(node)) {
    const at = inList ? `${path}[]` : `${path}.${name}`, old = node[name];
    const undo = () => { node[name] = old; };
    if (free(at)) continue;
    if (old !== null && typeof old === 'object') {
      yield* changes(old, at, free);
    } else {
      for (const [what, value] of spoiled(at, old)) {
        if (value === old) continue;
        node[name] = value;
        yield { path: `${path}.${name}`, what, undo };
      }
    }
    if (inList) continue;
    delete node[name];
    yield { path: at, what: 'left out', undo };
  }
  if (inList) return;
  node.nobody_knows_this = 1;
  yield { path, what: 'a field more', undo: () => { delete node.nobody_knows_this; } };
}

function spoiled(path, value) {
  if (typeof value === 'number') return [['one more', value + 1], ['one less', value - 1], ['far more', value + 2 ** 32]];
  if (typeof value !== 'string') return [['another type', String(value)]];
  const out = [['a letter more', value + 'A'], ['a letter less', value.slice(0, -1)], ['a space before', ' ' + value], ['a line end', value + '\n'], ['other case', otherCase(path, value)]];
  for (const i of places(value.length)) out.push([`letter ${i}`, value.slice(0, i) + another(value[i]) + value.slice(i + 1)]);
  const coded = encoding(path, value);
  if (!coded) return out;
  const raw = Buffer.from(value, coded);
  const bytes = (what, b) => out.push([what, Buffer.from(b).toString(coded)]);
  bytes('a byte more', [...raw, 0]);
  bytes('a byte less', raw.subarray(0, -1));
  bytes('a byte before', [0, ...raw]);
  for (const i of places(raw.length)) {
    const b = Buffer.from(raw);
    b[i] ^= 1 << i % 8;
    bytes(`bit ${i % 8} of byte ${i}`, b);
  }
  return out;
}

// A host says the same in either case; everything else has one spelling.
const otherCase = (path, s) => (path.endsWith('.host') ? s : s.toLowerCase() === s ? s.toUpperCase() : s.toLowerCase());
const another = (c) => (/[bB]/.test(c) ? 'c' : c === '4' ? '5' : /[0-9]/.test(c) ? '4' : 'b');

function encoding(path, value) {
  if (path.endsWith('.raw')) return 'base64';
  return /^([0-9a-f]{2})+$/.test(value) ? 'hex' : undefined;
}

// places spreads up to ten positions over a length, both ends among them.
function places(length) {
  const n = Math.min(length, 10);
  return [...new Set(Array.from({ length: n }, (_, i) => (n === 1 ? 0 : Math.round((i * (length - 1)) / (n - 1)))))];
}
