// Tally counts what a file's vectors did and keeps the disagreements.
import { Refused, refuse } from './refuse.mjs';

export class Tally {
  count = 0;
  faults = [];

  // fault is a check that failed outside of the others.
  fault(name, what) {
    this.count++;
    this.#keep(name, what);
  }

  #keep(name, what) {
    this.faults.push(`${name}: ${what}`);
  }

  // accept runs a reader that must accept.
  accept(name, run) {
    this.count++;
    try {
      return run();
    } catch (e) {
      this.#keep(name, e instanceof Refused ? `refused, ${e.message}` : e.stack);
    }
  }

  // refuse runs a reader that must refuse, and for the reason that stands there.
  refuse(name, reason, run) {
    this.count++;
    try {
      run();
      this.#keep(name, `accepted; it should be refused: ${reason}`);
    } catch (e) {
      if (!(e instanceof Refused)) this.#keep(name, e.stack);
      else if (e.reason !== reason) this.#keep(name, `refused for another reason: ${e.message}; want ${reason}`);
    }
  }

  same(name, got, want) {
    this.accept(name, () => {
      if (got !== want) refuse('value', `the file has ${got}, it follows ${want}`);
    });
  }

  // only says that nothing in a vector was left unread.
  only(object, fields) {
    for (const field of Object.keys(object)) {
      if (!fields.includes(field)) this.fault(field, 'a field that nobody checks');
    }
  }
}
