//! What the disk itself takes to make an append durable.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

/// The median of `fdatasync` after each of 400 appends of 4 KiB to a file in `folder`, in µs.
pub(crate) fn fdatasync_micros(folder: &Path) -> u64 {
    let path = folder.join(format!("fdatasync-{}", std::process::id()));
    let mut file = File::create(&path).expect("a file to append to");
    let mut times: Vec<u64> = (0..400)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[0x5a; 4096]).expect("an append");
            file.sync_data().expect("fdatasync");
            began.elapsed().as_micros() as u64
        })
        .collect();
    let _ = std::fs::remove_file(path);
    times.sort_unstable();
    times[times.len() / 2]
}
