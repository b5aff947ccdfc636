//! Memory of this process.

pub fn resident() -> u64 {
    status_of_process("VmRSS:")
}

/// The peak memory of the process so far.
pub fn peak() -> u64 {
    status_of_process("VmHWM:")
}

fn status_of_process(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("Linux says so in kB") * 1_024
}
