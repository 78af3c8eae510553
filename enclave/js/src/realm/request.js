// The request as an endpoint sees it: an object whose properties are made when they are first read.
//
// `native`: part(call, name), where `call` is the number of the call, and text(), json(), arrayBuffer(), which read the
// body of the call that is executed.
(function (native) {
  "use strict";

  const { ArrayBuffer, Object, Reflect, Symbol, Uint8Array } = globalThis;
  const { defineProperties, defineProperty } = Object;
  const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
  const { slice } = ArrayBuffer.prototype;
  const { arrayBuffer, json, part, text } = native;

  // Remembers which call a plain object belongs to.
  const itself = function (object) { return object; };
  class Marked extends itself {
    #call;

    constructor(object, call) {
      super(object);
      this.#call = call;
    }

    static read(object, name) {
      const call = object.#call;
      // As in CCF, a body that outlives its call is that of the current one.
      return name === "body" ? { text, json, arrayBuffer } : part(call, name);
    }
  }
  const { read } = Marked;

  function settle(object, name, value) {
    defineProperty(object, name,
      { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    return value;
  }

  const lazy = { __proto__: null };
  for (const name of
    ["headers", "query", "path", "method", "hostname", "route", "url", "params", "body", "caller"]) {
    lazy[name] = {
      __proto__: null,
      enumerable: true,
      configurable: true,
      get() { return settle(this, name, read(this, name)); },
      set(value) { settle(this, name, value); },
    };
  }

  // Names the kind of a typed array, and of nothing else.
  const kindOf = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

  return {
    // The request object of a call.
    request: (call) => defineProperties(new Marked({}, call), lazy),
    // A typed array as an `ArrayBuffer` of its bytes, anything else as it is.
    plain: (value) => {
      if (apply(kindOf, value, []) === undefined) {
        return value;
      }
      const { buffer, byteOffset, byteLength } = value;
      return apply(slice, buffer, [byteOffset, byteOffset + byteLength]);
    },
    // Called for each property that is made JSON of, it lets the engine stop.
    pass: (key, value) => value,
  };
})
