//! Where a command looks for what its arguments do not say.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{input::Unreadable, sandbox::Manifest};

type Variables<'a> = Box<dyn Fn(&str) -> Option<OsString> + 'a>;

/// In this order: the sandbox of `--dir`, the environment, the sandbox that `COCO_DIR` names.
pub(crate) struct Places<'a> {
    given: Option<Manifest>,
    variables: Variables<'a>,
}

impl<'a> Places<'a> {
    /// Those of this process.
    pub(crate) fn new(dir: Option<&Path>) -> Result<Self, Unreadable> {
        Self::with(dir, |name| env::var_os(name))
    }

    pub(super) fn with(
        dir: Option<&Path>,
        variables: impl Fn(&str) -> Option<OsString> + 'a,
    ) -> Result<Self, Unreadable> {
        let given = dir.map(Manifest::read).transpose()?;
        Ok(Self { given, variables: Box::new(variables) })
    }

    /// A value by the name of its variable, or what a sandbox says of it.
    pub(crate) fn find(
        &self,
        variable: &str,
        of: impl Fn(&Manifest) -> Option<OsString>,
    ) -> Result<Option<OsString>, Unreadable> {
        if let Some(found) = self.given.as_ref().and_then(&of) {
            return Ok(Some(found));
        }
        if let Some(found) = self.variable(variable) {
            return Ok(Some(found));
        }
        Ok(self.around()?.as_ref().and_then(of))
    }

    /// The sandbox, if one is named.
    pub(crate) fn sandbox(&self) -> Result<Option<Manifest>, Unreadable> {
        match &self.given {
            Some(given) => Ok(Some(given.clone())),
            None => self.around(),
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    fn around(&self) -> Result<Option<Manifest>, Unreadable> {
        self.variable("COCO_DIR").map(|dir| Manifest::read(&PathBuf::from(dir))).transpose()
    }
}
