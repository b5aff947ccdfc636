//! Ten thousand idle connections.

use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Mutex;

use super::{Target, peak_mib};

const OPEN: &str = r#"whatsapp_exporter_connections{listener="web"}"#;

const MANY: usize = 10_000;

/// Further open files of this test, and of other tests in this process.
const OTHERS: usize = 2_000;

/// The tests of this file take nearly every socket that this process may have, so they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// As many as the limit of open files allows. Fewer than some thousands would show nothing.
fn as_many_as_possible() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit it may be raised");
    let most = limit.maximum.map_or(usize::MAX, |most| most as usize);
    let count = MANY.min(most.saturating_sub(OTHERS));
    assert!(
        count >= 2_000,
        "`ulimit -Hn` is {most}; raise it for this test"
    );
    count
}

fn idle(target: &Target, count: usize) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect(target.address).expect("it accepts");
    (0..count).map(connect).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_above_the_limit_lock_out_no_client() {
    let _turn = TURN.lock().await;
    let count = as_many_as_possible();
    let target = Target::start(&[]);
    let mut held = Vec::new();
    for tenth in 0..10 {
        held.extend(idle(&target, count / 10));
        target.is_well(tenth).await;
    }
    let open = target.value(OPEN).await;
    assert!(open <= 512.0, "{open}");
    let closed = r#"whatsapp_exporter_connections_closed_total{listener="web",reason="no_room"}"#;
    target.until_at_least(closed, count as f64 - 512.0).await;
    target.is_within_its_memory();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_need_little_memory() {
    let _turn = TURN.lock().await;
    let count = as_many_as_possible();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("exporter.yml");
    let room = count + 100;
    let text = format!("web: {{max_connections: {room}}}\n");
    std::fs::write(&file, text).expect("the folder is ours");
    let flag = format!("--config.file={}", file.display());
    let target = Target::start(&[&flag]);
    let before = peak_mib(&target.exporter);
    let _held = idle(&target, count);
    target.is_well(1).await;
    target.until_at_least(OPEN, count as f64).await;
    let each_kib = (peak_mib(&target.exporter) - before) * 1024 / count as u64;
    assert!(each_kib < 40, "{each_kib} KiB each");
}
