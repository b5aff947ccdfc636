//! TLS to the server, with certificates of an authority that only the test trusts.

use whatsapp_business_exporter::store::postgres::{PostgresError, Role, connect};

use super::options;
use crate::support::postgres::PostgresServer;
use crate::web::authority::Authority;

/// Allows only connections with TLS over TCP.
const ONLY_TLS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// Whether a connection is made, and with TLS.
async fn is_encrypted(url: &str) -> Result<bool, PostgresError> {
    let mut connected = connect(&options(url), Role::Writer).await?;
    let query = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    Ok(query.fetch_one(&mut connected.connection).await?)
}

#[tokio::test]
async fn the_mode_decides_what_is_verified() {
    let authority = Authority::new();
    let identity = authority.server_of(&["localhost"]);
    let server = PostgresServer::start_with_files(
        &["fsync=off", "ssl=on"],
        &[
            ("server.crt", &identity.certificate),
            ("server.key", &identity.key),
            ("pg_hba.conf", ONLY_TLS),
        ],
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [ours, other] = [("ours", &authority), ("other", &Authority::new())].map(|(name, it)| {
        let path = folder.path().join(name);
        std::fs::write(&path, &it.certificate).expect("room");
        path.display().to_string()
    });
    let by_address = server.new_database();
    let by_name = by_address.replace("127.0.0.1", "localhost");
    for (url, parameters, is_accepted) in [
        (
            &by_name,
            format!("sslmode=verify-full&sslrootcert={ours}"),
            true,
        ),
        // Another name, another authority, and none but those of the system.
        (
            &by_address,
            format!("sslmode=verify-full&sslrootcert={ours}"),
            false,
        ),
        (
            &by_name,
            format!("sslmode=verify-full&sslrootcert={other}"),
            false,
        ),
        (&by_name, "sslmode=verify-full".to_owned(), false),
        (
            &by_address,
            format!("sslmode=verify-ca&sslrootcert={ours}"),
            true,
        ),
        (
            &by_name,
            format!("sslmode=verify-ca&sslrootcert={other}"),
            false,
        ),
        (&by_address, "sslmode=require".to_owned(), true),
        // As in libpq, a root certificate is not ignored.
        (
            &by_address,
            format!("sslmode=require&sslrootcert={other}"),
            false,
        ),
        (&by_address, "sslmode=prefer".to_owned(), true),
        (&by_address, "sslmode=allow".to_owned(), true),
        (&by_address, "sslmode=disable".to_owned(), false),
    ] {
        match is_encrypted(&format!("{url}?{parameters}")).await {
            Ok(is_encrypted) => assert!(is_accepted && is_encrypted, "{parameters}"),
            Err(error) => assert!(!is_accepted, "{parameters}: {error}"),
        }
    }
}
