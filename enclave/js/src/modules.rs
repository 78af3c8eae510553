//! ECMAScript modules from memory.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use rquickjs::{
    Ctx, Error, Module,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
};

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

/// Compiles modules out of a map.
pub(crate) struct FromMemory(pub(crate) Rc<Modules>);

impl Loader for FromMemory {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>, Error> {
        let source = self.0.get(name).ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, &**source)
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
