// Those parts of the `ccf` object that are classes or take any value; the rest is native.
//
// `native`: strToBuf(text), and tables.{open, has, get, version, size, forEach, range, set, delete, clear}, which take
// the number that `open` gave for the table's name.
(function (native) {
  "use strict";

  const { JSON, Map, Object, Proxy, Reflect } = globalThis;
  const { strToBuf, tables } = native;
  const { apply } = Reflect;
  const { freeze } = Object;
  const { get: find, set: keep } = Map.prototype;
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
  const known = new Map();
  function tableOf(name) {
    let table = apply(find, known, [name]);
    if (table === undefined) {
      table = new Table(tables.open(name));
      apply(keep, known, [name, table]);
    }
    return table;
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
      get: (_, name) => (typeof name === "string" ? tableOf(name) : undefined),
    }),
  };
})
