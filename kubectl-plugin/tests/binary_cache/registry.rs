//! Entries in a registry on the loopback interface: what is asked of it, as whom, and registries that lie, break and hang.

use gitops_testdata::servers::{Access, Certificates, Hung, Registry, RegistryLie, RegistryOptions};

use crate::world::{COMPILE, Machine, World};

struct Setting {
    world: World,
    certificates: Certificates,
}

impl Setting {
    fn new() -> Self {
        Self { world: World::new(), certificates: Certificates::make().expect("certificates") }
    }

    fn registry(&self, access: Access, lie: Option<RegistryLie>) -> Registry {
        let options = RegistryOptions { access, referrers: true, lie };
        Registry::start_with(&self.certificates, options).expect("a registry")
    }

    fn trusting<'a>(&self, machine: Machine<'a>) -> Machine<'a> {
        machine.with("KUBECTL_GITOPS_CA_FILE", &self.certificates.authority().display().to_string())
    }

    fn writer(&self, address: &str) -> Machine<'_> {
        self.trusting(self.world.writer(address, "ci"))
    }

    fn reader(&self, address: &str) -> Machine<'_> {
        self.trusting(self.world.reader(address))
    }
}

fn address(registry: &Registry) -> String {
    format!("oci://{}/team/cache", registry.address().trim_start_matches("https://"))
}

#[test]
fn what_one_machine_compiled_another_does_not_render() {
    let setting = Setting::new();
    let registry = setting.registry(Access::Open, None);
    let address = address(&registry);
    let first = setting.writer(&address);
    let made = first.run(&COMPILE).quiet();
    assert_eq!(first.has("outputs"), 1, "it was rendered");
    let before = registry.requests().len();
    let second = setting.reader(&address);
    assert_eq!(second.run(&COMPILE).quiet(), made);
    assert_eq!((second.has("memo"), second.has("outputs")), (1, 0), "nothing was rendered");
    // A manifest and a blob of the memo, and of the graph.
    let requests = registry.requests().split_off(before);
    assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:#?}");
    let of = |part: &str| requests.iter().filter(|request| request.contains(part)).count();
    assert_eq!((of("/manifests/v1-memo-"), of("/manifests/v1-graph-"), of("/blobs/")), (1, 1, 2), "{requests:#?}");
    // What fetches nothing asks nobody.
    let third = setting.reader(&address);
    let before = registry.requests().len();
    assert_eq!(third.run(&[&COMPILE[..], &["--offline"]].concat()).quiet(), made);
    assert_eq!((registry.requests().len(), third.has("outputs")), (before, 1));
}

#[test]
fn a_registry_that_wants_to_know_who_asks() {
    let setting = Setting::new();
    for access in [Access::Basic, Access::Token] {
        let registry = setting.registry(access, None);
        let (address, host) = (address(&registry), registry.address().trim_start_matches("https://"));
        let ended = setting.writer(&address).run(&COMPILE);
        assert_eq!((ended.code, ended.stdout), (0, setting.world.reference()), "{}", ended.stderr);
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert!(lines.len() == 2 && lines[0].ends_with("; going on without the binary cache"), "{}", ended.stderr);
        let config = setting.world.path("config.json");
        let login =
            serde_json::json!({"auths": {host: {"username": registry.user(), "password": registry.password()}}});
        std::fs::write(&config, login.to_string()).expect("written");
        let known = |machine: Machine<'_>| {
            let machine = machine.with("KUBECTL_GITOPS_REGISTRY_CONFIG", &config.display().to_string());
            machine.run(&COMPILE).quiet();
            machine.has("outputs")
        };
        assert_eq!((known(setting.writer(&address)), known(setting.reader(&address))), (1, 0));
    }
}

#[test]
fn registries_that_lie_are_not_believed() {
    let setting = Setting::new();
    for lie in [
        RegistryLie::ChangedBlob,
        RegistryLie::ChangedManifest,
        RegistryLie::ShortBlob,
        RegistryLie::EndlessBlob,
        RegistryLie::OtherDigest,
        RegistryLie::BrokenTag,
    ] {
        let registry = setting.registry(Access::Open, Some(lie));
        let address = address(&registry);
        let written = setting.writer(&address).run(&COMPILE);
        assert_eq!((written.code, written.stdout), (0, setting.world.reference()), "{lie:?}: {}", written.stderr);
        let reader = setting.reader(&address);
        let ended = reader.run(&COMPILE);
        assert_eq!((ended.code, ended.stdout), (0, setting.world.reference()), "{lie:?}: {}", ended.stderr);
        assert!(ended.stderr.lines().count() <= 1, "{lie:?}: {}", ended.stderr);
        // What it changes as it is read is not believed; what it did not take is not there.
        assert_eq!(reader.has("outputs"), 1, "{lie:?} {}{}", written.stderr, ended.stderr);
    }
}

/// It is asked once, and not by every part of the compilation.
#[test]
fn a_registry_that_never_answers_is_left_alone() {
    let setting = Setting::new();
    let hung = Hung::start().expect("a server");
    let host = format!("127.0.0.1:{}", hung.port());
    let address = format!("oci://{host}/cache");
    let flags = [&COMPILE[..], &["--plain-http", &host]].concat();
    let ended = setting.writer(&address).run(&flags);
    assert_eq!((ended.code, ended.stdout), (0, setting.world.reference()), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stderr);
    assert!(lines[0].contains("does not answer in time; going on without the binary cache"), "{}", ended.stderr);
    assert!(lines[1].ends_with("3 of 3 entries were not written to the binary cache"), "{}", ended.stderr);
}

#[test]
fn a_program_that_keeps_logins_and_fails_is_no_reason_to_end() {
    let setting = Setting::new();
    let registry = setting.registry(Access::Open, None);
    let host = registry.address().trim_start_matches("https://");
    let config = setting.world.path("config.json");
    let helpers = serde_json::json!({"credHelpers": {host: "of-another-machine"}});
    std::fs::write(&config, helpers.to_string()).expect("written");
    let machine = setting.writer(&address(&registry));
    let machine = machine.with("KUBECTL_GITOPS_REGISTRY_CONFIG", &config.display().to_string());
    let ended = machine.run(&COMPILE);
    assert_eq!((ended.code, ended.stdout), (0, setting.world.reference()), "{}", ended.stderr);
    assert!(ended.stderr.contains("docker-credential-of-another-machine"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("; going on without the binary cache\n"), "{}", ended.stderr);
}
