//! Entries in a bucket of real object storage on the loopback interface: what is there, who asks, and what is wrong there.

use gitops_testdata::servers::{Certificates, ObjectStorage};

use crate::world::{COMPILE, Machine, World};

struct Setting {
    world: World,
    certificates: Certificates,
    storage: ObjectStorage,
}

impl Setting {
    fn new() -> Self {
        let certificates = Certificates::make().expect("certificates");
        let storage = ObjectStorage::start(&certificates, &["shop"]).expect("object storage");
        Self { world: World::new(), certificates, storage }
    }

    /// One that knows the storage and its key.
    fn knowing<'a>(&self, machine: Machine<'a>) -> Machine<'a> {
        machine
            .with("KUBECTL_GITOPS_CA_FILE", &self.certificates.authority().display().to_string())
            .with("AWS_ENDPOINT_URL", &self.storage.address())
            .with("AWS_ACCESS_KEY_ID", self.storage.key_id())
            .with("AWS_SECRET_ACCESS_KEY", self.storage.secret())
    }
}

#[test]
fn what_one_machine_compiled_another_does_not_render() {
    let setting = Setting::new();
    for (address, prefix) in [("s3://shop", ""), ("s3://shop/team/cache/", "team/cache")] {
        let first = setting.knowing(setting.world.writer(address, "ci"));
        let made = first.run(&COMPILE).quiet();
        assert_eq!(first.has("outputs"), 1, "it was rendered");
        let below = setting.storage.bucket("shop").join(prefix).join("v1");
        let count = |kind: &str| std::fs::read_dir(below.join(kind)).expect("a folder").count();
        assert_eq!(["graph", "memo", "output"].map(count), [1, 1, 1], "{address}");
        let second = setting.knowing(setting.world.reader(address));
        assert_eq!(second.run(&COMPILE).quiet(), made);
        assert_eq!((second.has("memo"), second.has("outputs")), (1, 0), "nothing was rendered");
    }
}

#[test]
fn an_object_that_changed_is_not_believed() {
    let setting = Setting::new();
    setting.knowing(setting.world.writer("s3://shop", "ci")).run(&COMPILE).quiet();
    let memos = std::fs::read_dir(setting.storage.bucket("shop").join("v1/memo")).expect("a folder");
    for memo in memos {
        let path = memo.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("an entry");
        *bytes.last_mut().expect("bytes") ^= 1;
        std::fs::write(&path, bytes).expect("written");
    }
    let ended = setting.knowing(setting.world.reader("s3://shop")).run(&COMPILE);
    assert_eq!((ended.code, ended.stdout), (0, setting.world.reference()), "{}", ended.stderr);
    assert!(ended.stderr.contains("an entry of the binary cache does not count"), "{}", ended.stderr);
}

#[test]
fn whoever_has_another_key_or_none_goes_on_without_it() {
    let setting = Setting::new();
    setting.knowing(setting.world.writer("s3://shop", "ci")).run(&COMPILE).quiet();
    let reference = setting.world.reference();
    let others = [
        ("AWS_SECRET_ACCESS_KEY", "hunter2", "does not take our credentials (403)"),
        // Nobody in particular.
        ("AWS_ACCESS_KEY_ID", "", "the server wants credentials (403)"),
    ];
    for (variable, value, why) in others {
        let reader = setting.knowing(setting.world.reader("s3://shop")).with(variable, value);
        let ended = reader.run(&COMPILE);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, reference.as_str()), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(why) && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
        assert_eq!(reader.has("outputs"), 1);
    }
    // A bucket that is not there has nothing, and takes nothing.
    let ended = setting.knowing(setting.world.writer("s3://none", "ci")).run(&COMPILE);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, reference.as_str()), "{}", ended.stderr);
    assert!(ended.stderr.contains("3 of 3 entries were not written to the binary cache"), "{}", ended.stderr);
}
