// The request as an endpoint sees it. Those of its properties that cost more than a text are made when they are first read.
//
// `native`: part(request, name), for the request object of the call that is executed only; and text(), json(), arrayBuffer(),
// which read its body.
(function (native) {
  "use strict";

  const { ArrayBuffer, Object, Reflect } = globalThis;
  const { defineProperty } = Object;
  const { apply } = Reflect;
  const { slice } = ArrayBuffer.prototype;
  const { arrayBuffer, json, part, text } = native;

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
      get() { return settle(this, name, part(this, name)); },
      set(value) { settle(this, name, value); },
    };
  }
  const headers = lazy("headers");
  const caller = lazy("caller");

  // The engine forgets what properties an object has, and in which order, with the last object that has them. It looks that
  // up at each property that is added, and takes several times as long if it is not there. So one object of each step to a
  // request is kept, and to what most endpoints return.
  function steps(...names) {
    const objects = names.map(() => ({}));
    names.forEach((name, at) => objects.slice(at).forEach((object) => settle(object, name, undefined)));
    return objects;
  }

  return {
    kept: [
      steps("headers", "query", "path", "method", "hostname", "route", "url", "params", "body", "caller"),
      steps("text", "json", "arrayBuffer"),
      steps("body", "statusCode"),
      steps("statusCode", "body"),
    ],
    // The request object of a call. As in CCF, a body that outlives its call is that of the current one.
    request: (query, path, method, hostname, route, url, params) => {
      const body = { text, json, arrayBuffer };
      const request = { headers: null, query, path, method, hostname, route, url, params, body, caller: null };
      defineProperty(request, "headers", headers);
      return defineProperty(request, "caller", caller);
    },
    // A typed array as an `ArrayBuffer` of its bytes.
    plain: (array) => {
      const { buffer, byteOffset, byteLength } = array;
      return apply(slice, buffer, [byteOffset, byteOffset + byteLength]);
    },
    // Called for each property that is made JSON of, it lets the engine stop.
    pass: (key, value) => value,
  };
})
