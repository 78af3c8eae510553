// Those parts of the `ccf` object that are classes or take any value; the rest is native.
//
// `native`: strToBuf(text), and tables.{open, has, get, version, size, forEach, range, set, delete, clear}, which take
// the number that `open` gave for the table's name.
(function (native) {
  "use strict";

  const { JSON, Object, Proxy } = globalThis;
  const { strToBuf, tables } = native;
  const { freeze } = Object;
  const { stringify } = JSON;

  function expect(count, given) {
    if (given !== count) {
      throw new TypeError(`Passed ${given} arguments, but expected ${count}`);
    }
  }

  class Table {
    #number;

    constructor(number) {
      this.#number = number;
    }

    has(key) {
      expect(1, arguments.length);
      return tables.has(this.#number, key);
    }

    get(key) {
      expect(1, arguments.length);
      return tables.get(this.#number, key);
    }

    getVersionOfPreviousWrite(key) {
      expect(1, arguments.length);
      return tables.version(this.#number, key);
    }

    get size() {
      return tables.size(this.#number);
    }

    forEach(visit) {
      expect(1, arguments.length);
      if (typeof visit !== "function") {
        throw new TypeError("Argument must be a function");
      }
      tables.forEach(this.#number, visit, this);
    }

    range(visit, options) {
      if (arguments.length !== 1) {
        expect(2, arguments.length);
      }
      if (typeof visit !== "function") {
        throw new TypeError("Argument must be a function");
      }
      tables.range(this.#number, visit, this, options);
    }

    set(key, value) {
      expect(2, arguments.length);
      tables.set(this.#number, key, value);
      return this;
    }

    delete(key) {
      expect(1, arguments.length);
      tables.delete(this.#number, key);
    }

    clear() {
      expect(0, arguments.length);
      tables.clear(this.#number);
    }
  }
  freeze(Table.prototype);
  freeze(Table);

  // Tables by name: their number is bounded by `open`.
  const known = { __proto__: null };
  function open(name) {
    return typeof name === "string" ? (known[name] = new Table(tables.open(name))) : undefined;
  }

  return {
    jsonCompatibleToBuf: {
      jsonCompatibleToBuf(value) {
        expect(1, arguments.length);
        return strToBuf(stringify(value));
      },
    }.jsonCompatibleToBuf,
    kv: new Proxy(freeze({ __proto__: null }), {
      __proto__: null,
      get: (_, name) => known[name] ?? open(name),
    }),
  };
})
