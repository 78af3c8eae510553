use std::fs;

use super::{InitArgs, Language};
use crate::app::{Strictness, build, error::AppError};

#[test]
fn what_is_begun_can_be_built() {
    for (language, extension) in [(Language::Js, "js"), (Language::Ts, "ts")] {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("new/app");
        let args = InitArgs { folder: app.clone(), language };
        args.run().unwrap();
        for name in ["README.md", ".gitignore", "package.json", "types/ccf-app.d.ts", "types/console.d.ts"] {
            assert!(app.join(name).is_file(), "{name}");
        }
        assert!(app.join(format!("src/records.{extension}")).is_file());
        assert!(!fs::read_to_string(app.join("README.md")).unwrap().contains("{{"));
        let built = build(&app, Strictness::Strict).unwrap();
        assert_eq!(built.notes, Vec::<String>::new());
        assert_eq!(built.bundle["metadata"]["endpoints"].as_object().unwrap().len(), 2);
        // Nothing is overwritten.
        assert!(matches!(args.run(), Err(AppError::NotEmpty(_))));
        let file = InitArgs { folder: app.join("app.json"), language };
        assert!(matches!(file.run(), Err(AppError::File { .. })));
    }
}
