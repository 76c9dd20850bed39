//! What is pushed is there as a whole, under its tags, and comes back to the byte.

use gitops_compiler::bundle::LAYER;
use gitops_testdata::servers::RegistryLie;

use crate::world::{World, config, host, manifest, methods};

#[test]
fn what_is_pulled_is_what_was_pushed_to_the_byte() {
    let world = World::new();
    let registry = world.registry();
    let (bundle, host) = (world.bundle("made", "1"), host(registry.address()));
    let (files, address) = (World::files(&bundle), format!("oci://{host}/team/shop"));
    let digest = manifest(&files);
    let pushed = world.done(&["bundle", "push", &bundle, &format!("{address}:v1")]);
    assert!(pushed.contains(&format!("\n+ {address}:v1\n")) && pushed.contains("2 of 2 blobs sent\n"), "{pushed}");
    let graph = world.done(&["compile", "shop", "--path", "deploy", "-o", "id"]);
    for (name, out) in [("v1", "one.tar"), (graph.trim(), "two"), (digest.as_str(), "three.tar")]
        .map(|(name, out)| (name, world.path(out)))
    {
        let sign = if name == digest { '@' } else { ':' };
        let from = format!("{address}{sign}{name}");
        let out = out.display().to_string();
        let pulled = world.done(&["bundle", "pull", &from, "--out", &out]);
        assert!(pulled.contains(&digest), "{pulled}");
        assert_eq!(World::files(&out), files, "{from}");
    }
    world.done(&["bundle", "verify", &world.path("two").display().to_string(), "--rebuild", "--path", "deploy"]);
}

#[test]
fn pushing_again_sends_nothing_and_a_tag_that_moves_says_what_it_was() {
    let world = World::new();
    let registry = world.registry();
    let address = format!("oci://{}/shop:prod", host(registry.address()));
    let (one, two) = (world.bundle("one", "1"), world.bundle("two", "2"));
    world.done(&["bundle", "push", &one, &address]);
    let before = registry.requests().len();
    let again = world.done(&["bundle", "push", &one, &address]);
    assert!(again.contains(&format!("\n= {address}\n")) && again.contains("0 of 2 blobs sent"), "{again}");
    let requests = registry.requests().split_off(before);
    assert_eq!(methods(&requests, "").keys().map(String::as_str).collect::<Vec<_>>(), ["HEAD"], "{requests:#?}");
    let moved = world.done(&["bundle", "push", &two, &address]);
    let was = manifest(&World::files(&one));
    assert!(moved.contains(&format!("\n~ {address}  was {was}\n")), "{moved}");
    // What was there is there by its digest, and by its graph.
    let by_digest = format!("oci://{}/shop@{was}", host(registry.address()));
    let out = world.path("old.tar").display().to_string();
    world.done(&["bundle", "pull", &by_digest, "--out", &out]);
    assert_eq!(World::files(&out), World::files(&one));
}

/// Whoever asks by tag never sees the half of it.
#[test]
fn a_tag_is_put_after_all_else() {
    let world = World::new();
    let registry = world.registry();
    let (bundle, address) = (world.bundle("made", "1"), format!("oci://{}/shop:v1", host(registry.address())));
    world.done(&["bundle", "push", &bundle, &address]);
    let requests = registry.requests();
    let puts: Vec<&String> = requests.iter().filter(|request| request.starts_with("PUT ")).collect();
    let is_tag = |request: &&&String| request.contains("/manifests/") && !request.contains("/manifests/sha256");
    assert_eq!(puts.iter().filter(is_tag).count(), 2, "{puts:#?}");
    assert!(puts.iter().rev().take(2).all(|request| is_tag(&request)), "{puts:#?}");
    assert!(puts.iter().rev().nth(2).is_some_and(|request| request.contains("/manifests/sha256:")), "{puts:#?}");

    // A connection that breaks there leaves what the tag was.
    let broken = world.registry_with(true, Some(RegistryLie::BrokenTag));
    let address = format!("oci://{}/shop:v1", host(broken.address()));
    let said = world.refused(2, &["bundle", "push", &bundle, &address]);
    assert!(said.contains("cannot push to"), "{said}");
    let out = world.path("none.tar").display().to_string();
    let said = world.refused(2, &["bundle", "pull", &address, "--out", &out]);
    assert!(said.contains("is not there") && !world.path("none.tar").exists(), "{said}");
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    let world = World::new();
    let registry = world.registry_with(true, Some(RegistryLie::Busy));
    let (bundle, address) = (world.bundle("made", "1"), format!("oci://{}/shop:v1", host(registry.address())));
    world.done(&["bundle", "push", &bundle, &address]);
    let out = world.path("back.tar").display().to_string();
    world.done(&["bundle", "pull", &address, "--out", &out]);
    assert_eq!(World::files(&out), World::files(&bundle));
}

#[test]
fn secrets_with_values_are_not_pushed_without_a_word() {
    let world = World::new();
    let registry = world.registry();
    let address = format!("oci://{}/shop", host(registry.address()));
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2}\n";
    let bundle = world.bundle_of("made", &[secret], &["--allow-plain-secrets"]);
    let said = world.refused(4, &["bundle", "push", &bundle, &address]);
    assert!(said.contains("Secret s has values in it") && registry.requests().is_empty(), "{said}");
    world.done(&["bundle", "push", &bundle, &address, "--allow-plain-secrets"]);
}

#[test]
fn what_is_no_place_for_a_bundle_is_told_before_anything_is_asked() {
    let world = World::new();
    let registry = world.registry();
    let (bundle, host) = (world.bundle("made", "1"), host(registry.address()));
    let digest = manifest(&World::files(&bundle));
    let out = world.path("x.tar").display().to_string();
    for (arguments, wanted) in [
        (["bundle", "push", &bundle, &format!("oci://{host}/shop@{digest}")], "a bundle is pushed to a tag"),
        (["bundle", "push", &bundle, &format!("oci://{host}/Shop")], "lower-case letters"),
        (["bundle", "push", &bundle, "https://example.com/shop"], "no address of a registry"),
        (["bundle", "push", "nowhere.tar", &format!("oci://{host}/shop")], "cannot read nowhere.tar"),
        (["bundle", "pull", &format!("oci://{host}/shop"), &format!("--out={out}")], "does not say which bundle"),
    ] {
        let said = world.refused(2, &arguments);
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(registry.requests(), [""; 0]);
}

/// What is not encrypted is spoken to where that is asked for, and nowhere else.
#[test]
fn a_registry_without_encryption_is_named() {
    let world = World::new();
    let bundle = world.bundle("made", "1");
    let hung = gitops_testdata::servers::Hung::start().expect("a server");
    let (host, one) = (format!("127.0.0.1:{}", hung.port()), ["--fetch-timeout", "1"]);
    let address = format!("oci://{host}/shop");
    let push = ["bundle", "push", &bundle, &address];
    let said = world.refused(2, &[&push[..], &one].concat());
    assert!(said.contains(&format!("https://{host}/")), "{said}");
    let said = world.refused(2, &[&push[..], &one, &["--plain-http", &host]].concat());
    assert!(said.contains(&format!("http://{host}/")), "{said}");
}

/// Argo CD takes at most ten layers, of which one has files, of a type that ends in `tar+gzip`, with no more than a gigabyte in
/// it; Flux takes the first layer, which must be a tar with gzip. Both know it by its media type alone.
#[test]
fn what_is_pushed_is_what_argo_cd_and_flux_take() {
    let world = World::new();
    let registry = world.registry();
    let bundle =
        world.bundle_of("made", &[&config("a", "1"), "kind: Namespace\napiVersion: v1\nmetadata: {name: prod}\n"], &[]);
    let address = format!("oci://{}/shop", host(registry.address()));
    world.done(&["bundle", "push", &bundle, &address]);
    let files = World::files(&bundle);
    let manifest = &files[&format!("blobs/sha256/{}", manifest(&files).trim_start_matches("sha256:"))];
    let manifest: serde_json::Value = serde_json::from_slice(manifest).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!((layers.len(), layers[0]["mediaType"].as_str()), (1, Some(LAYER)));
    assert_eq!(LAYER, "application/vnd.oci.image.layer.v1.tar+gzip");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.created"], "1970-01-01T00:00:00Z");

    // As a source of an Application, which is read as Argo CD reads it: what comes is what was built.
    let graph = world.done(&["compile", "shop", "--path", "deploy", "-o", "id"]);
    let application = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: argocd}}\nspec:\n  project: \
         default\n  destination: {{namespace: prod, server: x}}\n  source: {{repoURL: '{address}', targetRevision: {}, path: .}}\n",
        graph.trim()
    );
    let file = world.path("app.yaml");
    std::fs::write(&file, application).expect("written");
    let file = file.display().to_string();
    let read = world.done(&["compile", "-f", &file, "--inputs", "resolve", "-o", "id"]);
    assert_eq!(read, graph);
}
