//! The sources by themselves: types, what knows nothing of a page, licences of packages, texts.

use serde_json::Value as Json;

use crate::browser;

/// What may be part of the program, and what may only test it.
const SHIPPED: [&str; 4] = ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT"];
const TESTING: [&str; 1] = ["MPL-2.0"];

#[test]
fn types_are_right() {
    browser::node(&["node_modules/typescript/bin/tsc", "--noEmit"]);
}

#[test]
fn what_knows_nothing_of_a_page_does_what_it_says() {
    let said = browser::node(&["--test", "tests/unit.mjs"]);
    let passed = said.lines().find_map(|line| line.rsplit_once("pass ")?.1.parse::<u32>().ok());
    assert!(passed.is_some_and(|passed| passed >= 16), "{said}");
}

#[test]
fn licences_of_packages_are_compatible() {
    let lock: Json = serde_json::from_str(include_str!("../../ui/package-lock.json")).expect("JSON");
    let packages = lock["packages"].as_object().expect("packages");
    assert!(packages.len() > 6);
    for (name, package) in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        let tests_only = package["dev"] == true && TESTING.contains(&licence);
        assert!(SHIPPED.contains(&licence) || tests_only, "{name}: {licence}");
        let is_exact = name.is_empty() || package["integrity"].is_string();
        assert!(is_exact && package.get("resolved").is_none(), "{name} is pinned by its hash, wherever it comes from");
    }
}

#[test]
fn nothing_is_made_markup_of() {
    let (folder, _) = browser::ground();
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for way in
                ["dangerouslySetInnerHTML", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!text.contains(way), "{}: {way}", path.display());
            }
        }
    }
}
