//! An environment whose files a test may change.

use std::sync::{Arc, Mutex};

use whatsapp_business_exporter::config::{Environment, FixedEnvironment};
use whatsapp_business_exporter::simulator::world::World;

pub const CONFIG_FILE: &str = "exporter.yml";

/// An environment whose file a test may change under the running exporter.
#[derive(Clone)]
pub struct ChangingFile(pub(super) Arc<Mutex<FixedEnvironment>>);

impl ChangingFile {
    pub(super) fn new(world: &World, file: &str) -> Self {
        // Most templates of these worlds have no problems, and tests look at them.
        let environment = FixedEnvironment::default()
            .with_file(CONFIG_FILE, file)
            .with_variable("WHATSAPP_EXPORTER_TEMPLATES_DETAIL", "all");
        // A file with its own secrets declares several apps, and variables cannot refer to one of several apps.
        if file.contains("access_token:") {
            return Self(Arc::new(Mutex::new(environment)));
        }
        let environment = environment
            .with_variable("WHATSAPP_ACCESS_TOKEN", &world.app.token.text)
            .with_variable("WHATSAPP_APP_SECRET", &world.app.secret)
            .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", &world.app.verify_token);
        Self(Arc::new(Mutex::new(environment)))
    }

    pub fn write(&self, file: &str) {
        self.write_to(CONFIG_FILE, file);
    }

    pub fn write_to(&self, path: &str, text: &str) {
        let mut environment = self.0.lock().expect("no test panics while it writes");
        *environment = environment.clone().with_file(path, text);
    }
}

impl Environment for ChangingFile {
    fn variable(&self, name: &str) -> Option<std::ffi::OsString> {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .variable(name)
    }

    fn variable_names(&self) -> Vec<String> {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .variable_names()
    }

    fn read_file(&self, path: &std::path::Path, limit: usize) -> std::io::Result<Vec<u8>> {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .read_file(path, limit)
    }
}
