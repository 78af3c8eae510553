// Modules of CommonJS among ES modules: they are defined first, all of them, and run when they are wanted.
const defined = {};

// `modules` has, for what the module calls them, names of such modules, or namespaces of ES modules.
export function define(name, modules, body) {
  defined[name] = { modules, body };
}

export function load(name) {
  const { modules, body, module } = defined[name];
  if (module !== undefined) {
    return module.exports;
  }
  const made = (defined[name].module = { exports: {} });
  const require = (wanted) => {
    const found = Object.hasOwn(modules, wanted) ? modules[wanted] : undefined;
    if (found === undefined) {
      throw Object.assign(new Error(`Cannot find module '${wanted}'`), { code: "MODULE_NOT_FOUND" });
    }
    return typeof found === "string" ? load(found) : found;
  };
  body.call(made.exports, made, made.exports, require);
  return made.exports;
}
