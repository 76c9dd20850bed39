//! The page of the API says of each path of Argo CD's what becomes of it, and the API does what the page says.

use std::collections::BTreeSet;

/// A method and a path, with names of parts left out.
type Operation = (String, String);

/// The rows of the table of Argo CD's paths: served, and not served.
fn told() -> [BTreeSet<Operation>; 2] {
    let page = include_str!("../../docs/api.md");
    let (_, section) = page.split_once("## Argo CD's paths, one by one").expect("a section");
    let section = section.split("\n## ").next().expect("its text");
    let rows = section.lines().filter(|line| line.starts_with("| `/"));
    let mut told = [BTreeSet::new(), BTreeSet::new()];
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, path, served, not, _] = cells[..] else { panic!("a row of three: {row}") };
        let path = nameless(path.trim_matches('`'));
        for (cell, told) in [served, not].into_iter().zip(&mut told) {
            let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
            let methods = methods.iter().filter(|method| cell.contains(&format!("`{method}`")));
            told.extend(methods.map(|method| ((*method).to_owned(), path.clone())));
        }
        assert!(not.is_empty() || not.contains(": "), "it says why: {row}");
    }
    told
}

fn nameless(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What the API serves.
fn served() -> BTreeSet<Operation> {
    let document = kubectl_gitops::api::document();
    let paths = document["paths"].as_object().expect("paths");
    let methods = |(path, methods): (&String, &serde_json::Value)| {
        let methods = methods.as_object().expect("methods").keys();
        methods.map(|method| (method.to_uppercase(), nameless(path))).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[test]
fn the_page_tells_what_becomes_of_each_path_of_argo_cds() {
    let ([told, not], served) = (told(), served());
    assert_eq!((told.intersection(&not).count(), told.len() + not.len()), (0, 106), "each is told once");
    assert_eq!(told.difference(&served).collect::<Vec<_>>(), Vec::<&Operation>::new(), "what is told is served");
    assert_eq!(not.intersection(&served).collect::<Vec<_>>(), Vec::<&Operation>::new(), "what is not is not");
    let others = served.difference(&told).filter(|(_, path)| !path.starts_with("/api/gitops/"));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&Operation>::new(), "what is not Argo CD's is below our own path");
    let page = include_str!("../../docs/api.md");
    let paths: BTreeSet<&String> = told.iter().chain(&not).map(|(_, path)| path).collect();
    assert!(page.contains(&format!("All 106 operations of Argo CD 3.5.1's own document, on {} paths", paths.len())));
}
