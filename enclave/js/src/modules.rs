//! ECMAScript modules from memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rquickjs::{
    Ctx, Error, Module,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
};

use crate::ffi::Bytecode;

/// Source texts that a script may import, by name. A name starts with `/`, as in the table
/// `public:ccf.gov.modules`.
pub type Modules = BTreeMap<String, Arc<str>>;

/// Finds the full name of an imported module: a name is taken from the root, unless it starts with
/// `./` or `../`, which lead from the directory of the importing module.
pub(crate) struct FromRoot;

impl Resolver for FromRoot {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String, Error> {
        resolve(base, name).ok_or_else(|| Error::new_resolving(base, name))
    }
}

/// Gives modules out of a map.
pub(crate) struct FromMemory {
    /// Their sources.
    pub(crate) modules: Arc<Modules>,
    /// Where they are kept compiled, if they are.
    pub(crate) compiled: Option<Arc<Compiled>>,
}

impl Loader for FromMemory {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>, Error> {
        let source = self.modules.get(name).ok_or_else(|| Error::new_loading(name))?;
        match &self.compiled {
            Some(compiled) => compiled.declare(ctx, name, source),
            None => Module::declare(ctx.clone(), name, &**source),
        }
    }
}

/// Modules as this process compiled them, to be loaded by other interpreters. One name always means one source.
#[derive(Default)]
pub(crate) struct Compiled(Mutex<BTreeMap<String, Arc<Bytecode>>>);

impl Compiled {
    /// The module of a name, compiled if it was not before.
    pub(crate) fn declare<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
        source: &str,
    ) -> Result<Module<'js, Declared>, Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(bytecode) = known {
            return bytecode.load(ctx);
        }
        let (module, bytecode) = Bytecode::compile(ctx, name, source)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Arc::new(bytecode));
        Ok(module)
    }
}

fn resolve(base: &str, name: &str) -> Option<String> {
    let relative = name.starts_with("./") || name.starts_with("../");
    let mut parts: Vec<&str> = Vec::new();
    if relative {
        let directory = base.rsplit_once('/').map_or("", |(directory, _)| directory);
        parts.extend(directory.split('/').filter(|part| !part.is_empty()));
    }
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests;
