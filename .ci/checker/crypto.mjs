// The algorithms, from the noble packages, and SHA-256 of data from Node.js, which
// is the faster one; HPKE is put together from them.
import { createHash } from 'node:crypto';
import { gcm } from '@noble/ciphers/aes.js';
import { ed25519, ed25519ctx } from '@noble/curves/ed25519.js';
import { expand, extract, hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as SHA256, sha512 } from '@noble/hashes/sha2.js';
import { ml_kem768_x25519 as XWing } from '@noble/post-quantum/hybrid.js';
import { ascii, cat, equal, hex, uint } from './bytes.mjs';
import { refuse } from './refuse.mjs';

export { sha512 };

export const sha256 = (b) => new Uint8Array(createHash('sha256').update(b).digest());

export const context = (name) => ascii(`unibus/1 ${name}`);
export const labelled = (label, ...parts) => sha256(cat(context(label), ...parts));
export const derive = (input, info) => hkdf(SHA256, input, undefined, context(info), 32);
export const stretch = (key, label, size, ...parts) => expand(SHA256, key, cat(context(label), ...parts), size);

// stretch512 is HKDF-Expand by hand: Cobblestone's key is shorter than a hash
// of SHA-512, which the library's own takes for a mistake.
export function stretch512(key, info, size) {
  let block = new Uint8Array(0), out = block;
  for (let i = 1; out.length < size; i++) out = cat(out, (block = hmac(sha512, key, cat(block, info, uint(i, 1)))));
  return out.slice(0, size);
}

export const mac = (key, message) => hmac(SHA256, key, message);

export const signingPublic = (seed) => ed25519.getPublicKey(seed);
export const signContext = (name, seed, message) => ed25519ctx.sign(message, seed, { context: context(name) });
export const signPlain = (seed, message) => ed25519.sign(message, seed);

const order = ed25519.Point.Fn.ORDER;
const little = (b) => BigInt('0x' + hex(Uint8Array.from(b).reverse()));
const seen = new Map(); // of verified signatures: the self-test asks for the same ones again

// strict says whether a key may verify at all: a canonical point of large order.
export function strict(key) {
  try {
    return !ed25519.Point.fromBytes(key, false).isSmallOrder();
  } catch {
    return false;
  }
}

// holds is RFC 8032 verification without the cofactor: the R that follows from
// S, A and the message has the bytes of the signature's R.
function holds(prefix, key, message, signature) {
  if (!strict(key)) return false;
  const R = signature.slice(0, 32), s = little(signature.slice(32));
  if (s >= order) return false;
  const k = little(sha512(cat(prefix, R, key, message))) % order;
  const A = ed25519.Point.fromBytes(key, false);
  const sB = s === 0n ? ed25519.Point.ZERO : ed25519.Point.BASE.multiplyUnsafe(s);
  return equal(sB.subtract(k === 0n ? ed25519.Point.ZERO : A.multiplyUnsafe(k)).toBytes(), R);
}

function verify(prefix, key, message, signature) {
  if (signature.length !== 64) return false;
  const id = hex(sha256(cat(uint(prefix.length, 2), prefix, key, signature, message)));
  if (!seen.has(id)) seen.set(id, holds(prefix, key, message, signature));
  return seen.get(id);
}

// dom2 of RFC 8032 with phflag 0.
function dom2(name) {
  const c = context(name);
  return cat(ascii('SigEd25519 no Ed25519 collisions'), uint(0, 1), uint(c.length, 1), c);
}

export const verifyContext = (name, key, message, signature) => verify(dom2(name), key, message, signature);
export const verifyPlain = (key, message, signature) => verify(new Uint8Array(0), key, message, signature);

export const kemPublic = (seed) => XWing.keygen(seed).publicKey;

const sealable = new Map();

// canSeal says whether one can seal to a kem key.
export function canSeal(key) {
  const id = hex(sha256(key));
  if (!sealable.has(id)) {
    let ok = true;
    try {
      XWing.encapsulate(key, new Uint8Array(64).fill(9));
    } catch {
      ok = false;
    }
    sealable.set(id, ok);
  }
  return sealable.get(id);
}

export function seal(key, nonce, plain, additional) {
  return gcm(key, nonce, additional).encrypt(plain);
}

export function open(key, nonce, sealed, additional) {
  try {
    return gcm(key, nonce, additional).decrypt(sealed);
  } catch {
    refuse('tag', 'does not open');
  }
}

// HPKE, RFC 9180 §5.1, base mode: X-Wing 0x647a, HKDF-SHA256 1, AES-256-GCM 2.
const suite = cat(ascii('HPKE'), uint(0x647a, 2), uint(1, 2), uint(2, 2));
const part = (label, ...rest) => cat(ascii('HPKE-v1'), suite, ascii(label), ...rest);

function schedule(shared, info) {
  const none = new Uint8Array(0);
  const ctx = cat(uint(0, 1), extract(SHA256, part('psk_id_hash'), none), extract(SHA256, part('info_hash', info), none));
  const secret = extract(SHA256, part('secret'), shared);
  const grow = (label, size) => expand(SHA256, secret, cat(uint(size, 2), part(label, ctx)), size);
  return [grow('key', 32), grow('base_nonce', 12)];
}

export const encapsulated = 1120;

export function hpkeOpen(seed, info, sealed) {
  if (sealed.length < encapsulated + 16) refuse('length', 'of an envelope');
  let shared;
  try {
    shared = XWing.decapsulate(sealed.slice(0, encapsulated), XWing.keygen(seed).secretKey);
  } catch (e) {
    refuse('tag', e.message); // a point of small order
  }
  return open(...schedule(shared, info), sealed.slice(encapsulated));
}

export function hpkeSeal(key, randomness, info, plain) {
  const { cipherText, sharedSecret } = XWing.encapsulate(key, randomness);
  return cat(cipherText, seal(...schedule(sharedSecret, info), plain));
}
