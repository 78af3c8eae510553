// The request as an endpoint sees it. Those of its properties that cost more than a text are made when they are first read.
//
// `native`: fill(object, body), which adds the others and `body`; part(call, name), where `call` is the number of the call;
// and text(), json(), arrayBuffer(), which read the body of the call that is executed.
(function (native) {
  "use strict";

  const { ArrayBuffer, Object, Reflect, Symbol, Uint8Array } = globalThis;
  const { defineProperty } = Object;
  const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
  const { slice } = ArrayBuffer.prototype;
  const { arrayBuffer, fill, json, part, text } = native;

  // Remembers which call a plain object belongs to.
  const itself = function (object) { return object; };
  class Marked extends itself {
    #call;

    constructor(object, call) {
      super(object);
      this.#call = call;
    }

    static read(object, name) {
      return part(object.#call, name);
    }
  }
  const { read } = Marked;

  function settle(object, name, value) {
    defineProperty(object, name,
      { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    return value;
  }

  function lazy(name) {
    return {
      __proto__: null,
      enumerable: true,
      configurable: true,
      get() { return settle(this, name, read(this, name)); },
      set(value) { settle(this, name, value); },
    };
  }
  const headers = lazy("headers");
  const caller = lazy("caller");

  // Names the kind of a typed array, and of nothing else.
  const kindOf = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

  return {
    // The request object of a call. As in CCF, a body that outlives its call is that of the current one.
    request: (call) => {
      const object = defineProperty(new Marked({}, call), "headers", headers);
      fill(object, { text, json, arrayBuffer });
      return defineProperty(object, "caller", caller);
    },
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
