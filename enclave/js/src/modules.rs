//! ECMAScript modules from memory.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use rquickjs::{
    Ctx, Error, Module,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
};

use crate::{ffi::Bytecode, state::State};

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
    /// Notes what was imported.
    pub(crate) state: Rc<State>,
}

impl Loader for FromMemory {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>, Error> {
        let source = self.modules.get(name).ok_or_else(|| Error::new_loading(name))?;
        let Some(compiled) = &self.compiled else { return Module::declare(ctx.clone(), name, &**source) };
        let module = compiled.declare(ctx, name, source)?;
        let mut imported = self.state.imported.borrow_mut();
        if imported.len() < MAX_IMPORTED {
            imported.push(name.to_owned());
        }
        Ok(module)
    }
}

/// Most modules that are noted.
const MAX_IMPORTED: usize = 4096;

/// Modules as this process compiled them, to be loaded by other interpreters. One name always means one source.
#[derive(Default)]
pub(crate) struct Compiled {
    modules: Mutex<BTreeMap<String, Arc<Bytecode>>>,
    /// By what is imported: that, and what it imports itself.
    imports: Mutex<BTreeMap<String, Arc<[String]>>>,
}

impl Compiled {
    /// The module of a name, compiled if it was not before.
    pub(crate) fn declare<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
        source: &str,
    ) -> Result<Module<'js, Declared>, Error> {
        let known = self.modules.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(bytecode) = known {
            return bytecode.load(ctx);
        }
        let (module, bytecode) = Bytecode::compile(ctx, name, source)?;
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        modules.insert(name.to_owned(), Arc::new(bytecode));
        Ok(module)
    }

    /// What an import of this module was noted to import.
    pub(crate) fn imports(&self, module: &str) -> Option<Arc<[String]>> {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner).get(module).cloned()
    }

    /// Notes it.
    pub(crate) fn note_imports(&self, module: String, imports: Vec<String>) {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner).insert(module, imports.into());
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
