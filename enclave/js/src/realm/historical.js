// `ccf.historical`, and states of past transactions.
//
// `native`: range(handle, from, to, expiry) and current(), which number transactions; drop(handle); id(number) and
// receipt(number), the latter as JSON; and tables.{open, has, get, version, size, forEach, range}, which take the
// number of a transaction and the name of a table.
(function (native) {
  "use strict";

  const { JSON, Object, Proxy, TypeError } = globalThis;
  const { parse } = JSON;
  const { freeze } = Object;
  const { current, drop, id, range, receipt, tables } = native;

  function expect(count, given) {
    if (given !== count) {
      throw new TypeError(`Passed ${given} arguments, but expected ${count}`);
    }
  }

  class PastTable {
    #number;
    #name;

    constructor(number, name) {
      this.#number = number;
      this.#name = name;
    }

    #refuse(method) {
      throw new TypeError(`Cannot call ${method} on table named ${this.#name}. ` +
        "All tables are read-only during historical transaction.");
    }

    has(key) {
      expect(1, arguments.length);
      return tables.has(this.#number, this.#name, key);
    }

    get(key) {
      expect(1, arguments.length);
      return tables.get(this.#number, this.#name, key);
    }

    getVersionOfPreviousWrite(key) {
      expect(1, arguments.length);
      return tables.version(this.#number, this.#name, key);
    }

    get size() {
      return tables.size(this.#number, this.#name);
    }

    forEach(visit) {
      expect(1, arguments.length);
      if (typeof visit !== "function") {
        throw new TypeError("Argument must be a function");
      }
      tables.forEach(this.#number, this.#name, visit, this);
    }

    range(visit, options) {
      if (arguments.length !== 1) {
        expect(2, arguments.length);
      }
      if (typeof visit !== "function") {
        throw new TypeError("Argument must be a function");
      }
      tables.range(this.#number, this.#name, visit, this, options);
    }

    set() { this.#refuse("set"); }
    delete() { this.#refuse("delete"); }
    clear() { this.#refuse("clear"); }
  }
  freeze(PastTable.prototype);
  freeze(PastTable);

  const kvOf = (number) => new Proxy(freeze({ __proto__: null }), {
    __proto__: null,
    get: (_, name) => {
      if (typeof name !== "string") {
        return undefined;
      }
      tables.open(number, name);
      return new PastTable(number, name);
    },
  });

  function stateOf(number) {
    let parsed;
    return {
      transactionId: id(number),
      get receipt() { return parsed ??= parse(receipt(number)); },
      kv: kvOf(number),
    };
  }

  return {
    historical: {
      getStateRange(...args) {
        expect(4, args.length);
        const states = range(args[0], args[1], args[2], args[3]);
        if (states !== null) {
          for (let i = 0; i < states.length; i++) {
            states[i] = stateOf(states[i]);
          }
        }
        return states;
      },
      dropCachedStates(...args) {
        expect(1, args.length);
        return drop(args[0]);
      },
    },
    // The transaction that a historical call reads.
    state: () => stateOf(current()),
  };
})
