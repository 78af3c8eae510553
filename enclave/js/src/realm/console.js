// The `console` of a realm.
//
// `native`: isError(value), print(fails, text).
(function (native) {
  "use strict";

  const { JSON, Reflect, String } = globalThis;
  const { isError, print } = native;
  const { apply } = Reflect;
  const { slice } = String.prototype;
  const { stringify } = JSON;
  const MAX_TEXT = 4096;

  const log = (fails) => (...values) => {
    let line = "";
    for (let i = 0; i < values.length && line.length <= MAX_TEXT; i++) {
      const value = values[i];
      const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
      const text = isObject && !isError(value) ? stringify(value) : value;
      line = `${line}${i === 0 ? "" : " "}${String(text)}`;
    }
    print(fails, apply(slice, line, [0, MAX_TEXT]));
  };

  return { log: log(false), info: log(false), warn: log(true), error: log(true) };
})
