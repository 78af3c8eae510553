// Makes the engine's global environment fit for untrusted scripts. Runs first in every realm; what it
// replaces cannot be reached again.
//
// The engine asks whether to stop at loops and calls of scripts, but not inside its own builtins. Those
// whose work is not bounded by memory they allocate are bounded here: by their arguments, by running as
// script, or by asking for the deadline themselves (`native.tick`).
//
// `native`: tick(), isPlainArray(value), now(), random().
(function (native) {
  "use strict";

  const { JSON, Math, Object, String, globalThis: global } = globalThis;
  const { apply, construct, defineProperty, getOwnPropertyDescriptor } = Reflect;
  const { isArray } = Array;
  const { floor, min } = Math;
  const { bind, call } = Function.prototype;
  const { isConcatSpreadable, match } = Symbol;

  // About a second of the engine's work each.
  const MAX_LENGTH = 2 ** 24;
  const MAX_COMPARISONS = 2 ** 30;
  const MAX_NORMALIZED = 2 ** 14;
  const MAX_PROXY_KEYS = 4096;
  const MAX_REPLACER_KEYS = 64;
  // Shorter strings take a moment, whatever is done to them.
  const MAX_UNCHECKED = 1024;

  function replace(holder, name, wrap) {
    const descriptor = getOwnPropertyDescriptor(holder, name);
    const original = descriptor.value;
    const wrapper = wrap(original);
    for (const detail of ["name", "length"]) {
      defineProperty(wrapper, detail, getOwnPropertyDescriptor(original, detail));
    }
    descriptor.value = wrapper;
    defineProperty(holder, name, descriptor);
  }

  // A method as a function of its receiver: quicker than `apply` with a list.
  const uncurried = (method) => apply(bind, call, [method]);

  // ---- Time, randomness, other threads

  const NativeDate = Date;
  const dateToString = NativeDate.prototype.toString;
  function ScriptDate(...parts) {
    if (new.target === undefined) {
      return apply(dateToString, construct(NativeDate, [native.now()]), []);
    }
    return construct(NativeDate, parts.length === 0 ? [native.now()] : parts, new.target);
  }
  replace(global, "Date", () => ScriptDate);
  defineProperty(ScriptDate, "prototype", { value: NativeDate.prototype, writable: false });
  defineProperty(NativeDate.prototype, "constructor", { value: ScriptDate });
  for (const name of ["now", "parse", "UTC"]) {
    defineProperty(ScriptDate, name, getOwnPropertyDescriptor(NativeDate, name));
  }
  replace(ScriptDate, "now", () => () => native.now());
  replace(Math, "random", () => () => native.random());

  delete global.performance;
  delete global.Atomics;
  delete global.SharedArrayBuffer;

  // ---- Arrays: their methods loop over a length that costs nothing to make large

  function boundedLength(value) {
    const length = min(+value.length, 2 ** 53 - 1);
    if (length > MAX_LENGTH) {
      throw new RangeError(`array length exceeds ${MAX_LENGTH}`);
    }
    return length > 0 ? floor(length) : 0;
  }

  function copyOf(value) {
    const copy = [];
    const length = boundedLength(value);
    for (let i = 0; i < length; i++) {
      if (i in value) {
        copy[i] = value[i];
      }
    }
    copy.length = length;
    return copy;
  }

  function toObject(value) {
    if (value === null || value === undefined) {
      throw new TypeError("cannot convert to object");
    }
    return Object(value);
  }

  for (const name of [
    "flat", "flatMap", "join", "slice", "toLocaleString", "toReversed", "toSorted", "toSpliced", "with",
  ]) {
    replace(Array.prototype, name, (original) => ({
      method(...args) {
        return apply(original, native.isPlainArray(this) ? this : copyOf(toObject(this)), args);
      },
    }).method);
  }

  // These change their receiver: one that is no array gets the outcome written back.
  function changeCopy(original, target, args) {
    const items = copyOf(target);
    const before = items.length;
    const result = apply(original, items, args);
    const after = boundedLength(items);
    for (let i = 0; i < after; i++) {
      if (i in items) {
        target[i] = items[i];
      } else {
        delete target[i];
      }
    }
    for (let i = after; i < before; i++) {
      delete target[i];
    }
    target.length = after;
    return result === items ? target : result;
  }

  for (const name of ["copyWithin", "fill", "reverse", "shift", "sort", "splice", "unshift"]) {
    replace(Array.prototype, name, (original) => ({
      method(...args) {
        if (native.isPlainArray(this)) {
          return apply(original, this, args);
        }
        return changeCopy(original, toObject(this), args);
      },
    }).method);
  }

  // What spreads into a concatenation is made an array; what does not is wrapped in one, so that the
  // builtin asks nothing again.
  function concatenable(item) {
    if ((typeof item !== "object" && typeof item !== "function") || item === null) {
      return item;
    }
    if (native.isPlainArray(item)) {
      return item;
    }
    const spreads = item[isConcatSpreadable];
    return (spreads === undefined ? isArray(item) : spreads) ? copyOf(item) : [item];
  }

  replace(Array.prototype, "concat", (original) => ({
    method(...items) {
      for (let i = 0; i < items.length; i++) {
        items[i] = concatenable(items[i]);
      }
      return apply(original, concatenable(this), items);
    },
  }).method);

  // ---- Builtins that take long only when called often on something large

  const TypedArray = Reflect.getPrototypeOf(Uint8Array.prototype);
  for (const [holder, names] of [
    [TypedArray, ["copyWithin", "fill", "includes", "indexOf", "join", "lastIndexOf"]],
    [TypedArray, ["reverse", "set", "sort"]],
    [String.prototype, ["endsWith", "isWellFormed", "startsWith", "toWellFormed"]],
    [String.prototype, ["trim", "trimEnd", "trimStart"]],
    [JSON, ["parse"]],
    [global, ["parseFloat", "parseInt"]],
  ]) {
    for (const name of names) {
      replace(holder, name, (original) => ({
        method(...args) {
          native.tick();
          return apply(original, this, args);
        },
      }).method);
    }
  }

  // ---- Strings: searching compares naively, normalising sorts naively

  function subject(value) {
    if (value === null || value === undefined) {
      throw new TypeError("cannot convert to string");
    }
    return `${value}`;
  }

  function checkSearch(text, needle) {
    if (text.length <= MAX_UNCHECKED) {
      return;
    }
    native.tick();
    if (text.length * needle.length > MAX_COMPARISONS) {
      throw new RangeError("the strings are too long to search");
    }
  }

  for (const name of ["includes", "indexOf", "lastIndexOf"]) {
    replace(String.prototype, name, (original, search = uncurried(original)) => ({
      method(needle, position) {
        const text = subject(this);
        if (name === "includes" && typeof needle === "object" && needle !== null && needle[match]) {
          throw new TypeError("regexp not supported");
        }
        needle = `${needle}`;
        checkSearch(text, needle);
        return search(text, needle, position);
      },
    }).method);
  }

  for (const name of ["replace", "replaceAll", "split"]) {
    const symbol = name === "split" ? Symbol.split : Symbol.replace;
    replace(String.prototype, name, (original, change = uncurried(original)) => ({
      method(needle, second) {
        const isObject = (typeof needle === "object" && needle !== null) || typeof needle === "function";
        const own = isObject ? needle[symbol] : undefined;
        if (own !== undefined && own !== null) {
          if (this === null || this === undefined) {
            throw new TypeError("cannot convert to string");
          }
          if (name === "replaceAll" && needle[match] && !`${needle.flags}`.includes("g")) {
            throw new TypeError("regexp must have the 'g' flag");
          }
          return apply(own, needle, [this, second]);
        }
        const text = subject(this);
        if (needle !== undefined || name !== "split") {
          needle = `${needle}`;
          checkSearch(text, needle);
        }
        return change(text, needle, second);
      },
    }).method);
  }

  for (const name of ["localeCompare", "normalize"]) {
    replace(String.prototype, name, (original) => ({
      method(other) {
        const text = subject(this);
        const form = name === "normalize" && other === undefined ? "NFC" : `${other}`;
        if (text.length > MAX_NORMALIZED || form.length > MAX_NORMALIZED) {
          throw new RangeError(`string length exceeds ${MAX_NORMALIZED}`);
        }
        return apply(original, text, [form]);
      },
    }).method);
  }

  // ---- Sets and iterators: these call builtin iterators without looking at the deadline

  const SETS = ["difference", "intersection", "isDisjointFrom", "isSubsetOf", "isSupersetOf"];
  for (const name of [...SETS, "symmetricDifference", "union"]) {
    replace(Set.prototype, name, (original) => ({
      method(other) {
        native.tick();
        return apply(original, this, [typeof other === "object" && other !== null ? steppable(other) : other]);
      },
    }).method);
  }

  // The same set, whose keys come through a function of this script.
  function steppable(other) {
    const { has, keys, size } = other;
    return {
      size,
      has: typeof has === "function" ? (key) => apply(has, other, [key]) : has,
      keys: typeof keys !== "function" ? keys : () => {
        const iterator = apply(keys, other, []);
        const { next } = iterator;
        return { next: () => apply(next, iterator, []), return: () => iterator.return?.() ?? {} };
      },
    };
  }

  replace(Iterator.prototype, "drop", (original) => ({
    drop(count) {
      count = +count;
      if (count > MAX_LENGTH) {
        throw new RangeError(`count exceeds ${MAX_LENGTH}`);
      }
      native.tick();
      return apply(original, this, [count]);
    },
  }).drop);

  // ---- Objects

  // The engine compares the keys that a proxy reports pairwise.
  function boundKeys(handler) {
    return new NativeProxy(handler, {
      __proto__: null,
      get(traps, name) {
        const trap = traps[name];
        if (name !== "ownKeys" || typeof trap !== "function") {
          return trap;
        }
        return (target) => {
          const keys = apply(trap, traps, [target]);
          if (boundedLength(keys) > MAX_PROXY_KEYS) {
            throw new RangeError(`proxy reports more than ${MAX_PROXY_KEYS} keys`);
          }
          return copyOf(keys);
        };
      },
    });
  }

  const NativeProxy = global.Proxy;
  const { revocable } = NativeProxy;
  function Proxy(target, handler) {
    if (new.target === undefined) {
      throw new TypeError("constructor Proxy requires 'new'");
    }
    return new NativeProxy(target, boundKeys(handler));
  }
  replace(global, "Proxy", () => Proxy);
  defineProperty(Proxy, "prototype", { value: undefined, writable: false });
  defineProperty(Proxy, "revocable", getOwnPropertyDescriptor(NativeProxy, "revocable"));
  replace(Proxy, "revocable", () => (target, handler) =>
    apply(revocable, NativeProxy, [target, boundKeys(handler)]));

  // Called for each property, it lets the engine stop; without it, properties that leave no trace in the
  // text would be visited for free.
  const pass = (key, value) => value;
  const { stringify: nativeStringify } = JSON;
  replace(JSON, "stringify", () => ({
    stringify(value, replacer, space) {
      native.tick();
      if (isArray(replacer)) {
        replacer = copyOf(replacer);
        if (replacer.length > MAX_REPLACER_KEYS) {
          throw new RangeError(`replacer lists more than ${MAX_REPLACER_KEYS} keys`);
        }
      } else if (typeof replacer !== "function") {
        replacer = pass;
      }
      return apply(nativeStringify, JSON, [value, replacer, space]);
    },
  }).stringify);
})
