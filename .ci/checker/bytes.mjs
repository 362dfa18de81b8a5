// Bytes and their spellings, each read in one form only. docs/protocol.md: Conventions.
import { concatBytes } from '@noble/hashes/utils.js';
import { refuse } from './refuse.mjs';

export const cat = (...parts) => concatBytes(...parts);
export const ascii = (s) => (typeof s === 'string' ? new TextEncoder().encode(s) : refuse('spelling', 'a text'));
export const equal = (a, b) => Buffer.compare(a, b) === 0;
export const zero = (b) => b.every((x) => x === 0);
export const hex = (b) => Buffer.from(b).toString('hex');

// uint writes n big endian in size bytes; n is a number or a BigInt.
export function uint(n, size) {
  const out = new Uint8Array(size);
  let rest = BigInt(n);
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 255n);
  if (rest !== 0n) throw new Error(`${n} does not fit ${size} bytes`);
  return out;
}

export function unhex(s, size) {
  if (typeof s !== 'string' || !/^([0-9a-f]{2})*$/.test(s)) refuse('spelling', 'lower-case hex');
  return sized(new Uint8Array(Buffer.from(s, 'hex')), size);
}

export const base64url = (b) => Buffer.from(b).toString('base64url');
export const base64 = (b) => Buffer.from(b).toString('base64');

export function unbase64url(s, size) {
  const b = new Uint8Array(Buffer.from(s, 'base64url'));
  if (base64url(b) !== s) refuse('spelling', 'base64url without padding');
  return sized(b, size);
}

export function unbase64(s, size) {
  const b = new Uint8Array(Buffer.from(s, 'base64'));
  if (base64(b) !== s) refuse('spelling', 'base64');
  return sized(b, size);
}

function sized(b, size) {
  if (size !== undefined && b.length !== size) refuse('length', `${b.length} bytes, not ${size}`);
  return b;
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

export function base32(b) {
  let bits = 0n;
  for (const x of b) bits = (bits << 8n) | BigInt(x);
  const n = Math.ceil((b.length * 8) / 5);
  bits <<= BigInt(n * 5 - b.length * 8);
  let out = '';
  for (let i = n - 1; i >= 0; i--) out += alphabet[Number((bits >> BigInt(5 * i)) & 31n)];
  return out;
}

// unid reads an identifier: 16 bytes in 26 characters.
export function unid(s) {
  if (typeof s !== 'string' || !/^[a-z2-7]{26}$/.test(s)) refuse('spelling', '26 characters of base32');
  let bits = 0n;
  for (const c of s) bits = (bits << 5n) | BigInt(alphabet.indexOf(c));
  if (bits & 3n) refuse('spelling', 'spare bits of base32');
  return uint(bits >> 2n, 16);
}

// Reader takes fields from the front of bytes and ends where they end.
export class Reader {
  #at = 0;
  constructor(bytes) { this.bytes = bytes; }
  get at() { return this.#at; }
  get left() { return this.bytes.length - this.#at; }
  take(n) {
    if (n > this.left) refuse('short', `${n} bytes wanted, ${this.left} left`);
    this.#at += n;
    return this.bytes.slice(this.#at - n, this.#at);
  }
  big(size) { return BigInt('0x' + hex(this.take(size))); }
  int(size) { return Number(this.big(size)); }
  counted(size) { return this.take(this.int(size)); }
  list(item) { return Array.from({ length: this.int(2) }, item); }
  time() {
    const t = this.big(8);
    if (t > 253402300799999n) refuse('time', 'after the year 9999');
    return Number(t);
  }
  one(want, reason) {
    const got = this.int(1);
    if (got !== want) refuse(reason, `${got}, not ${want}`);
  }
  end() { if (this.left) refuse('trailing', `${this.left} bytes behind the end`); }
}
