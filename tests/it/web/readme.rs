//! The README's file is one that is read.

use std::path::Path;

use whatsapp_business_exporter::config::{FixedEnvironment, WebFile};

#[test]
fn the_readmes_file_is_read() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme
        .split_once("```yaml\n# web.yml")
        .expect("it is there");
    let (yaml, _) = rest.split_once("```").expect("it ends");
    for yaml in [yaml.to_owned(), yaml.replace("  # client_", "  client_")] {
        let environment = FixedEnvironment::default()
            .with_file("/etc/web.yml", format!("#{yaml}"))
            .with_file("/etc/exporter.crt", "certificate")
            .with_file("/etc/exporter.key", "key")
            .with_file("/etc/clients.crt", "authority");
        let file = WebFile::load(Path::new("/etc/web.yml"), &environment);
        let file = file.unwrap_or_else(|errors| panic!("{errors}"));
        assert!(file.tls.is_some() && file.rate_limit.is_some());
        assert_eq!((file.users.0.len(), file.headers.len()), (1, 1));
    }
}
