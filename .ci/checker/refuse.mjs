// Refused is what a reader says of bytes that break a rule. The reason is one
// of those in docs/protocol.md, Vectors; anything else thrown is a fault of
// the checker or of a vector file.
export class Refused extends Error {
  constructor(reason, detail) {
    super(`${reason}: ${detail}`);
    this.reason = reason;
  }
}

export function refuse(reason, detail) {
  throw new Refused(reason, detail);
}

export function demand(holds, reason, detail) {
  if (!holds) refuse(reason, detail);
}
